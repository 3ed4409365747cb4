import CSnappy

/// Snappy's block format, without framing: what remote write and Loki push want.
///
/// Source: google/snappy, format_description.txt; snappy-c.h.
public enum Snappy {
  /// The compressed bytes; the same bytes for the same input.
  public static func compress(_ input: RawSpan) -> [UInt8] {
    input.withUnsafeBytes { input in
      // A length of 0 is all that there is to say.
      guard let source = input.baseAddress?.assumingMemoryBound(to: CChar.self), !input.isEmpty else { return [0] }
      return [UInt8](unsafeUninitializedCapacity: snappy_max_compressed_length(input.count)) { output, count in
        count = output.count
        let status = output.withMemoryRebound(to: CChar.self) { output in
          snappy_compress(source, input.count, output.baseAddress, &count)
        }
        precondition(status == SNAPPY_OK, "snappy refuses an output of its own greatest length")
      }
    }
  }

  /// No element of the format gives more than 64 bytes for 3.
  private static let greatestExpansion = 22

  /// The decompressed bytes. Nothing is allocated before the length that the input declares is known to be at most `limitBytes` and
  /// within what so many compressed bytes can hold.
  public static func decompress(_ input: RawSpan, limitBytes: Int) throws(WireError) -> [UInt8] {
    let (output, error): ([UInt8], WireError?) = input.withUnsafeBytes { input in
      guard let source = input.baseAddress?.assumingMemoryBound(to: CChar.self) else {
        return ([], WireError(.truncated, "snappy: no bytes, where at least a length is needed"))
      }
      var declared = 0
      guard snappy_uncompressed_length(source, input.count, &declared) == SNAPPY_OK else {
        return ([], WireError(.compression, "snappy: it does not begin with a length"))
      }
      guard declared <= limitBytes else {
        return ([], WireError(.tooLarge, "snappy: \(declared) bytes when decompressed, at most \(limitBytes)"))
      }
      guard declared <= input.count * greatestExpansion else {
        return (
          [], WireError(.compression, "snappy: \(input.count) bytes cannot hold the \(declared) that they declare")
        )
      }
      var status = SNAPPY_OK
      let output = [UInt8](unsafeUninitializedCapacity: declared + 1) { output, count in
        output.withMemoryRebound(to: CChar.self) { output in
          var length = declared
          status = snappy_uncompress(source, input.count, output.baseAddress, &length)
          count = status == SNAPPY_OK ? length : 0
        }
      }
      return (output, status == SNAPPY_OK ? nil : WireError(.compression, "snappy: the bytes are damaged"))
    }
    if let error { throw error }
    return output
  }
}
