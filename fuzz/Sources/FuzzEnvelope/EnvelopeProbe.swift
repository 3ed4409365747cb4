import Codec

/// Whole envelopes, tables and blocks as they come from outside, checksums and all.
public enum EnvelopeProbe {
  @discardableResult
  public static func run(_ bytes: [UInt8]) -> Bool {
    _ = try? SeriesTable(verifying: bytes).decode()
    if let block = try? SealedBlock(verifying: bytes) { _ = try? BlockOpener().open(block) }
    guard let (tables, blocks) = try? Envelope.decode(bytes) else { return false }
    for table in tables { _ = try? table.decode() }
    guard let opener = try? BlockOpener() else { return false }
    for block in blocks { _ = try? opener.open(block).resolve(tables) }
    guard let again = try? Envelope.encode(tables: tables, blocks: blocks) else {
      preconditionFailure("decoded, but does not encode")
    }
    precondition(again == bytes, "another envelope came back")
    return true
  }
}
