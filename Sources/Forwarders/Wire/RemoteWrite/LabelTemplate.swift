import Codec
import Model

/// The labels of a table's series as remote write has them, ready to be copied: some 20 bytes a series instead of 150.
///
/// Neighbours in a table are alike at both ends, since an exposition's series differ in the middle: the name, or the value of a label or two. So each
/// series is what it has not in common with the one before:
///
///     varint bytes shared at the front; varint bytes of the middle; varint bytes shared at the end; the middle
///
/// Every 64th shares nothing, so that one series can be reached without walking through all of them. Labels stand in the order of their names;
/// one without a value is left out, since to Prometheus that is no label.
final class LabelTemplate: Sendable {
  static let restartInterval = 64

  let seriesCount: Int
  /// Bytes of the longest label set.
  let longest: Int
  let coded: [UInt8]
  /// Where in `coded` each 64th series begins.
  let restarts: [Int]

  /// About what it takes in memory.
  var approximateBytes: Int { coded.count + restarts.count * 8 + 128 }

  init(_ series: [Series]) {
    var coded = ByteWriter(reserving: series.count * 32)
    var restarts: [Int] = []
    var longest = 0
    var previous: [UInt8] = []
    for (index, one) in series.enumerated() {
      let labels = LabelTemplate.encode(one.labels)
      var front = 0
      var back = 0
      if index % LabelTemplate.restartInterval == 0 {
        restarts.append(coded.count)
      } else {
        let shorter = min(labels.count, previous.count)
        while front < shorter, labels[front] == previous[front] { front += 1 }
        while back < shorter - front, labels[labels.count - 1 - back] == previous[previous.count - 1 - back] {
          back += 1
        }
      }
      coded.varint(front)
      coded.varint(labels.count - front - back)
      coded.varint(back)
      coded.bytes.append(contentsOf: labels[front..<(labels.count - back)])
      longest = max(longest, labels.count)
      previous = labels
    }
    seriesCount = series.count
    self.longest = longest
    // As long as it is: a buffer that has grown is up to twice that.
    self.coded = coded.bytes.withUnsafeBufferPointer { [UInt8]($0) }
    self.restarts = restarts
  }

  /// A label set as the fields of a TimeSeries.
  static func encode(_ labels: Labels) -> [UInt8] {
    var out = ByteWriter(reserving: 160)
    for label in labels.pairs where !label.value.isEmpty { write(label, RemoteWriteFields.Series.label, into: &out) }
    return out.bytes
  }

  static func write(_ label: Label, _ field: Int, into out: inout ByteWriter) {
    let name = label.name.utf8.count
    let value = label.value.utf8.count
    out.byte(RemoteWriteFields.bytesKey(field))
    out.varint(2 + Varint.byteCount(name) + name + Varint.byteCount(value) + value)
    out.byte(RemoteWriteFields.bytesKey(RemoteWriteFields.Label.name))
    out.string(label.name)
    out.byte(RemoteWriteFields.bytesKey(RemoteWriteFields.Label.value))
    out.string(label.value)
  }
}

/// The label bytes of one series of a template after the other, in memory of its own. One owner.
struct LabelWalker: ~Copyable {
  /// The current series' labels; whole words may be read past their end.
  private(set) var base: UnsafeMutableRawPointer
  private(set) var count = 0
  private var capacity: Int
  /// Where in the template the next series stands.
  private var offset = 0
  private var next = 0

  init() {
    capacity = 256
    base = .allocate(byteCount: capacity + WireBuffer.slack, alignment: 16)
  }

  deinit { base.deallocate() }

  /// Begins with another template.
  mutating func start(_ template: LabelTemplate) {
    if template.longest > capacity {
      base.deallocate()
      capacity = template.longest
      base = .allocate(byteCount: capacity + WireBuffer.slack, alignment: 16)
    }
    (count, offset, next) = (0, 0, 0)
  }

  /// Goes to a series of the template, which is at or behind the next one. `coded` are the template's bytes.
  @inline(__always)
  mutating func move(to series: Int, in template: LabelTemplate, _ coded: UnsafeRawBufferPointer) {
    if series != next { seek(series, template) }
    while next <= series { step(coded) }
  }

  @inline(never)
  private mutating func seek(_ series: Int, _ template: LabelTemplate) {
    precondition(series >= next && series < template.seriesCount, "a template is walked forwards")
    let restart = series / LabelTemplate.restartInterval
    if restart * LabelTemplate.restartInterval > next {
      next = restart * LabelTemplate.restartInterval
      offset = template.restarts[restart]
      count = 0
    }
  }

  @inline(__always)
  private mutating func step(_ coded: UnsafeRawBufferPointer) {
    let front = varint(coded)
    let middle = varint(coded)
    let back = varint(coded)
    let length = front + middle + back
    if back > 0, length != count { memmoveBytes(base + (length - back), base + (count - back), back) }
    if let source = coded.baseAddress { (base + front).copyMemory(from: source + offset, byteCount: middle) }
    offset += middle
    count = length
    next += 1
  }

  @inline(__always)
  private func memmoveBytes(_ to: UnsafeMutableRawPointer, _ from: UnsafeMutableRawPointer, _ count: Int) {
    // copyMemory allows for regions that overlap.
    to.copyMemory(from: from, byteCount: count)
  }

  @inline(__always)
  private mutating func varint(_ coded: UnsafeRawBufferPointer) -> Int {
    let first = Int(coded[offset])
    offset += 1
    if first < 0x80 { return first }
    var value = first & 0x7f
    var shift = 7
    while true {
      let byte = Int(coded[offset])
      offset += 1
      value |= (byte & 0x7f) << shift
      if byte < 0x80 { return value }
      shift += 7
    }
  }
}
