import AsyncHTTPClient
import Codec
import NIOCore

/// The body of an answer, decoded as it arrives and never past a limit.
struct AnswerBody {
  let server: String
  let limitBytes: Int
  private(set) var bytes: [UInt8] = []
  /// As they came over the network.
  private(set) var receivedBytes = 0

  init(server: String, limitBytes: Int) {
    self.server = server
    self.limitBytes = limitBytes
  }

  /// Reads to the end. Room for `expectedBytes` is made at once, at most 4 MiB: what a former answer had, never what this one announces.
  mutating func read(
    _ parts: HTTPClientResponse.Body, encoding: String, expectedBytes: Int
  ) async throws {
    switch encoding {
    case "", "identity", "gzip", "x-gzip", "deflate", "zstd":
      bytes.reserveCapacity(min(expectedBytes, limitBytes, 4 << 20))
    default:
      throw HTTPError(.encoding, "\(server) answered with Content-Encoding \(encoding), which was not asked for")
    }
    switch encoding {
    case "", "identity": try await readPlain(parts)
    case "zstd": try await readZstd(parts)
    default: try await readZlib(parts, encoding)
    }
  }

  private mutating func readPlain(_ parts: HTTPClientResponse.Body) async throws {
    for try await part in parts {
      receivedBytes += part.readableBytes
      guard receivedBytes <= limitBytes else { throw tooLarge }
      part.withUnsafeReadableBytes { bytes.append(contentsOf: $0) }
    }
  }

  private mutating func readZlib(_ parts: HTTPClientResponse.Body, _ encoding: String) async throws {
    guard var inflater = ZlibInflater(encoding == "deflate" ? .zlib : .gzip) else {
      throw HTTPError(.other, "no memory to decode \(encoding)")
    }
    for try await part in parts {
      receivedBytes += part.readableBytes
      do throws(ZlibInflater.Failure) {
        try part.withUnsafeReadableBytes { input throws(ZlibInflater.Failure) in
          try inflater.inflate(input, into: &bytes, limitBytes: limitBytes)
        }
      } catch {
        switch error {
        case .tooLarge: throw tooLarge
        case .malformed(let reason): throw malformed(encoding, reason)
        }
      }
    }
    guard inflater.isComplete else { throw endsEarly(encoding) }
  }

  private mutating func readZstd(_ parts: HTTPClientResponse.Body) async throws {
    guard var inflater = ZstdInflater() else { throw HTTPError(.other, "no memory to decode zstd") }
    for try await part in parts {
      receivedBytes += part.readableBytes
      do throws(ZstdInflater.Failure) {
        try part.withUnsafeReadableBytes { input throws(ZstdInflater.Failure) in
          try inflater.inflate(input, into: &bytes, limitBytes: limitBytes)
        }
      } catch {
        switch error {
        case .tooLarge: throw tooLarge
        case .malformed(let reason): throw malformed("zstd", reason)
        }
      }
    }
    guard inflater.isComplete else { throw endsEarly("zstd") }
  }

  private var tooLarge: HTTPError {
    HTTPError(.bodyTooLarge, "the body of \(server)'s answer is larger than the limit of \(limitBytes) bytes")
  }

  private func malformed(_ encoding: String, _ reason: String) -> HTTPError {
    HTTPError(.encoding, "the body of \(server)'s answer is not the \(encoding) that it is said to be: \(reason)")
  }

  private func endsEarly(_ encoding: String) -> HTTPError {
    HTTPError(.encoding, "the \(encoding) of \(server)'s answer ends early")
  }
}
