import Wire

/// Log pushes in each of their encodings: two protobuf messages are the message of both, and JSON that is read is JSON also where it is passed over.
public enum LokiPushProbe {
  @discardableResult
  public static func run(_ bytes: [UInt8]) -> Bool {
    var isUnderstood = false
    if let once = try? LokiPushDecoder.decode(bytes) {
      do throws(WireError) {
        let twice = try LokiPushDecoder.decode(bytes + bytes)
        precondition(twice.streams == once.streams + once.streams, "other streams came the second time")
      } catch {
        precondition(error.kind == .tooLarge, "decoded alone, but not twice: \(error)")
      }
      isUnderstood = true
    }
    if (try? LokiPushJSON.decode(bytes)) != nil {
      passOver(bytes)
      isUnderstood = true
    }
    if (try? ProducerBatch.decode(bytes)) != nil {
      passOver(bytes)
      isUnderstood = true
    }
    if let inner = try? ProducerBatch.unwrap(bytes) {
      guard let again = try? ProducerBatch.unwrap(ProducerBatch.wrap(inner)), again == inner else {
        preconditionFailure("a batch that was wrapped does not come out again")
      }
    }
    return isUnderstood
  }

  /// Unknown keys may be nested less deep than those that are read.
  private static func passOver(_ bytes: [UInt8]) {
    do throws(WireError) {
      let push = try LokiPushJSON.decode(Array(#"{"unknown":"#.utf8) + bytes + [UInt8(ascii: "}")])
      precondition(push.streams.isEmpty, "streams from an unknown key")
    } catch {
      precondition(error.kind == .tooLarge, "read, but not passed over: \(error)")
    }
  }
}
