import AsyncHTTPClient
import Codec
import NIOCore

/// The body of an answer, decoded as it arrives and never past a limit.
struct AnswerBody {
  let server: String
  let limitBytes: Int
  /// A body that is too large or cannot be decoded is no error; what could be read of it is kept.
  let takesParts: Bool
  private(set) var bytes: [UInt8] = []
  /// As they came over the network.
  private(set) var receivedBytes = 0

  init(server: String, limitBytes: Int, takesParts: Bool = false) {
    self.server = server
    self.limitBytes = limitBytes
    self.takesParts = takesParts
  }

  /// Reads to the end. Room for `expectedBytes` is made at once, at most 4 MiB: what a former answer had, never what this one announces.
  mutating func read(
    _ parts: HTTPClientResponse.Body, encoding: String, expectedBytes: Int
  ) async throws {
    do {
      try await decode(parts, encoding, expectedBytes)
    } catch let error as HTTPError where takesParts && (error.kind == .bodyTooLarge || error.kind == .encoding) {
      return
    }
  }

  private mutating func decode(
    _ parts: HTTPClientResponse.Body, _ encoding: String, _ expectedBytes: Int
  ) async throws {
    switch encoding {
    case "", "identity", "gzip", "x-gzip", "deflate", "zstd":
      bytes.reserveCapacity(min(expectedBytes, limitBytes, 4 << 20))
    default:
      // Read to its end, so that the connection can be used again.
      if takesParts { try await readPlain(parts, keeping: false) }
      throw HTTPError(.encoding, "\(server) answered with Content-Encoding \(encoding), which was not asked for")
    }
    switch encoding {
    case "", "identity": try await readPlain(parts, keeping: true)
    case "zstd": try await readZstd(parts)
    default: try await readZlib(parts, encoding)
    }
  }

  private mutating func readPlain(_ parts: HTTPClientResponse.Body, keeping: Bool) async throws {
    for try await part in parts {
      receivedBytes += part.readableBytes
      if keeping {
        let room = limitBytes - bytes.count
        part.withUnsafeReadableBytes { bytes.append(contentsOf: $0.prefix(room)) }
      }
      guard receivedBytes <= limitBytes else { throw tooLarge }
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
