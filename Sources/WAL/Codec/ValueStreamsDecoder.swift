/// Ranges of a payload that hold the streams of one value matrix.
struct ValueStreamRanges {
  var forms = 0..<0
  var presence = 0..<0
  var specials = 0..<0
  var firsts = 0..<0
  var deltas = 0..<0
  var raws = 0..<0
}

extension ValueColumns {
  /// Reads a matrix of the given size, which the caller has checked against the limit of cells. Streams that end early,
  /// late, or contradict each other are an error.
  init(
    reading streams: ValueStreamRanges, seriesCount: Int, rowCount: Int, in payload: RawSpan
  ) throws(FormatError) {
    self.seriesCount = seriesCount
    self.rowCount = rowCount
    guard streams.forms.count == seriesCount else {
      throw FormatError(
        .inconsistent, "values: \(streams.forms.count) forms for \(seriesCount) series", at: streams.forms.lowerBound)
    }
    let encoded = payload.array(streams.forms)
    var forms = encoded
    var present: Bitmap?
    var special: Bitmap?
    let cellCount = seriesCount * rowCount
    try ValueColumns.readMarks(encoded, streams, rowCount, payload, &present, &special)
    var failure: FormatError?
    cells = [Int64](unsafeUninitializedCapacity: cellCount) { cells, initialized in
      payload.withUnsafeBytes { bytes in
        var reader = StreamCursor(
          firsts: UnsafeRawBufferPointer(rebasing: bytes[streams.firsts]),
          deltas: UnsafeRawBufferPointer(rebasing: bytes[streams.deltas]),
          raws: UnsafeRawBufferPointer(rebasing: bytes[streams.raws]))
        for series in 0..<seriesCount {
          let column = UnsafeMutableBufferPointer(rebasing: cells[(series * rowCount)..<((series + 1) * rowCount)])
          let form = encoded[series]
          forms[series] = form & Form.scaleMask
          if form & (Form.partial | Form.special) == 0, form != Form.absent {
            reader.plain(form, into: column)
          } else {
            reader.general(form, into: column, base: series * rowCount, present: present, special: special)
          }
        }
        failure = reader.finish(streams)
      }
      initialized = cellCount
    }
    if let failure { throw failure }
    self.forms = forms
    self.present = present
    self.special = special
  }

  /// Reads presence and special marks, and checks every form.
  private static func readMarks(
    _ encoded: [UInt8], _ streams: ValueStreamRanges, _ rowCount: Int, _ payload: RawSpan, _ present: inout Bitmap?,
    _ special: inout Bitmap?
  ) throws(FormatError) {
    var marked: UInt8 = 0
    for (series, form) in encoded.enumerated() {
      let scale = form & Form.scaleMask
      let valid =
        form & Form.unused == 0 && (scale <= Form.raw || form == Form.absent)
        && !(scale == Form.raw && form & Form.special != 0)
        && !(form & Form.special != 0 && form & Form.constant != 0)
      guard valid else {
        throw FormatError(
          .inconsistent, "values: form \(form) of series \(series)", at: streams.forms.lowerBound + series)
      }
      marked |= form
    }
    var presence = ByteReader(offset: streams.presence.lowerBound, end: streams.presence.upperBound)
    var specials = ByteReader(offset: streams.specials.lowerBound, end: streams.specials.upperBound)
    if marked & Form.partial != 0 {
      var bitmap = Bitmap(count: encoded.count * rowCount, allSet: true)
      for (series, form) in encoded.enumerated() where form & Form.partial != 0 || form == Form.absent {
        let base = series * rowCount
        guard form != Form.absent else {
          for row in 0..<rowCount { bitmap.clear(base + row) }
          continue
        }
        let at = presence.offset
        let range = try presence.take((rowCount + 7) / 8, "values: presence", in: payload)
        var found = 0
        for row in 0..<rowCount {
          let byte = payload.unsafeLoad(fromByteOffset: range.lowerBound + row >> 3, as: UInt8.self)
          if byte >> UInt8(row & 7) & 1 == 1 { found += 1 } else { bitmap.clear(base + row) }
        }
        // Both ends would be another way to write a form without the flag.
        guard found > 0, found < rowCount else {
          throw FormatError(
            .inconsistent, "values: series \(series) is partial with \(found) of \(rowCount) rows", at: at)
        }
      }
      present = bitmap
    }
    if marked & Form.special != 0 {
      var bitmap = Bitmap(count: encoded.count * rowCount)
      for (series, form) in encoded.enumerated() where form & Form.special != 0 && form != Form.absent {
        let count = try specials.count("values: specials", limit: rowCount, in: payload)
        guard count > 0 else {
          throw FormatError(.inconsistent, "values: series \(series) has no special cell", at: specials.offset)
        }
        var row = 0
        for index in 0..<count {
          let at = specials.offset
          row += try specials.count("values: specials", limit: rowCount, in: payload) + (index == 0 ? 0 : 1)
          guard row < rowCount, present?.isSet(series * rowCount + row) != false else {
            throw FormatError(.inconsistent, "values: special cell in row \(row) of series \(series)", at: at)
          }
          bitmap.set(series * rowCount + row)
        }
      }
      special = bitmap
    }
    try presence.finish("values: presence")
    try specials.finish("values: specials")
  }
}

/// Three streams read side by side. It never reads past an end: a missing byte counts as zero and is reported by `finish`.
private struct StreamCursor {
  let firsts: UnsafeRawBufferPointer
  let deltas: UnsafeRawBufferPointer
  let raws: UnsafeRawBufferPointer
  var first = 0
  var delta = 0
  var raw = 0
  var broken = false

  init(firsts: UnsafeRawBufferPointer, deltas: UnsafeRawBufferPointer, raws: UnsafeRawBufferPointer) {
    self.firsts = firsts
    self.deltas = deltas
    self.raws = raws
  }

  @inline(__always)
  mutating func plain(_ form: UInt8, into column: UnsafeMutableBufferPointer<Int64>) {
    let constant = form & ValueColumns.Form.constant != 0
    if form & ValueColumns.Form.scaleMask == ValueColumns.Form.raw {
      if constant {
        column.update(repeating: nextRaw())
      } else {
        for row in 0..<column.count { column[row] = nextRaw() }
      }
      return
    }
    var value = StreamCursor.zigzag(firsts, &first, &broken)
    if constant {
      column.update(repeating: value)
      return
    }
    column[0] = value
    // Kept in locals: the compiler cannot see that the column is not this struct.
    var at = delta
    var bad = broken
    for row in 1..<max(1, column.count) {
      value = value &+ StreamCursor.zigzag(deltas, &at, &bad)
      column[row] = value
    }
    delta = at
    broken = bad
  }

  mutating func general(
    _ form: UInt8, into column: UnsafeMutableBufferPointer<Int64>, base: Int, present: Bitmap?, special: Bitmap?
  ) {
    let isRaw = form & ValueColumns.Form.scaleMask == ValueColumns.Form.raw
    let constant = form & ValueColumns.Form.constant != 0
    var value: Int64 = 0
    var started = false
    for row in 0..<column.count {
      column[row] = 0
      if form == ValueColumns.Form.absent || present?.isSet(base + row) == false { continue }
      if isRaw {
        if !constant || !started { value = nextRaw() }
        started = true
        column[row] = value
      } else if special?.isSet(base + row) == true {
        column[row] = nextRaw()
      } else {
        if !started {
          value = StreamCursor.zigzag(firsts, &first, &broken)
        } else if !constant {
          value = value &+ StreamCursor.zigzag(deltas, &delta, &broken)
        }
        started = true
        column[row] = value
      }
    }
  }

  @inline(__always)
  private mutating func nextRaw() -> Int64 {
    guard raw + 8 <= raws.count else {
      broken = true
      return 0
    }
    defer { raw += 8 }
    return Int64(littleEndian: raws.loadUnaligned(fromByteOffset: raw, as: Int64.self))
  }

  @inline(__always)
  private static func zigzag(_ bytes: UnsafeRawBufferPointer, _ offset: inout Int, _ broken: inout Bool) -> Int64 {
    guard offset < bytes.count, let base = bytes.baseAddress else {
      broken = true
      return 0
    }
    let byte = base.load(fromByteOffset: offset, as: UInt8.self)
    offset &+= 1
    if byte < 0x80 { return ZigZag.decode(UInt64(byte)) }
    return long(byte, base, bytes.count, &offset, &broken)
  }

  @inline(__always)
  private static func long(
    _ byte: UInt8, _ base: UnsafeRawPointer, _ count: Int, _ offset: inout Int, _ broken: inout Bool
  ) -> Int64 {
    var value = UInt64(byte & 0x7f)
    var shift: UInt64 = 7
    while true {
      guard offset < count else {
        broken = true
        return 0
      }
      let next = base.load(fromByteOffset: offset, as: UInt8.self)
      offset &+= 1
      if shift == 63, next > 1 {
        broken = true
        return 0
      }
      value |= UInt64(next & 0x7f) &<< shift
      if next < 0x80 { return ZigZag.decode(value) }
      shift &+= 7
    }
  }

  func finish(_ streams: ValueStreamRanges) -> FormatError? {
    if broken { return FormatError(.truncated, "values: a stream ends early", at: streams.firsts.lowerBound) }
    if first != firsts.count || delta != deltas.count || raw != raws.count {
      return FormatError(.inconsistent, "values: a stream is too long", at: streams.firsts.lowerBound)
    }
    return nil
  }
}
