import Wire

/// Remote write messages: one message behind another is the message of both, as protobuf promises.
public enum RemoteWriteProbe {
  @discardableResult
  public static func run(_ bytes: [UInt8]) -> Bool {
    guard let once = try? RemoteWriteDecoder.decode(bytes) else { return false }
    guard let twice = try? RemoteWriteDecoder.decode(bytes + bytes) else {
      preconditionFailure("decoded alone, but not twice")
    }
    precondition(twice.series == once.series + once.series, "other series came the second time")
    precondition(twice.metadata == once.metadata + once.metadata, "other metadata came the second time")
    return true
  }
}
