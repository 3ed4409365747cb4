import Codec
import Model

/// Payloads of tables behind checksums and a name that fit: what decodes must encode to something that decodes to the same.
public enum TableProbe {
  @discardableResult
  public static func run(_ bytes: [UInt8]) -> Bool {
    guard let (series, signal) = try? SeriesTable.decode(payload: bytes) else { return false }
    guard let again = try? SeriesTable(encoding: series, signal: signal) else {
      preconditionFailure("decoded, but does not encode")
    }
    guard let back = try? again.decode() else { preconditionFailure("encoded, but does not decode") }
    precondition(back == series, "another table came back")
    return true
  }
}
