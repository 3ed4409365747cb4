import Model

/// A block as it lies on disk and travels: header and compressed payload, immutable.
public struct SealedBlock: Sendable, Equatable {
  public let header: BlockHeader
  /// Header and payload, nothing behind them.
  public let bytes: [UInt8]

  /// Takes bytes from outside: the header and the payload's checksum are verified, the payload is not decompressed.
  public init(verifying bytes: [UInt8]) throws(FormatError) {
    let header = try BlockHeader(reading: bytes.span.bytes)
    guard bytes.count == header.blockBytes else {
      throw FormatError(
        bytes.count < header.blockBytes ? .truncated : .inconsistent,
        "block: \(bytes.count) bytes, the header says \(header.blockBytes)", at: header.byteCount)
    }
    let payload = bytes.span.bytes.extracting(header.byteCount..<bytes.count)
    guard Checksum.xxh3(payload) == header.payloadChecksum else {
      throw FormatError(.checksum, "block: the payload's checksum does not fit", at: header.byteCount)
    }
    self.header = header
    self.bytes = bytes
  }

  init(header: BlockHeader, bytes: [UInt8]) {
    self.header = header
    self.bytes = bytes
  }

  /// The same rows under another tenant: only the header is written again.
  public func withTenant(_ tenant: Tenant) -> SealedBlock {
    var header = self.header
    let payload = bytes[header.byteCount...]
    header.tenant = tenant
    return SealedBlock(header: header, bytes: header.encoded() + payload)
  }
}
