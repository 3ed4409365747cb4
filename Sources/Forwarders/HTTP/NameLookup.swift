import Glibc
import NIOPosix
import Synchronization

/// All addresses that a name has at present.
public enum NameLookup {
  /// A and AAAA records and what /etc/hosts says, each once, in order of their texts; an address is its own. On a thread of NIO's pool, as the call blocks.
  /// Throws when the name is not known, or nobody could be asked; trying again may help. A cancelled caller does not wait for the call's end, which may
  /// take half a minute where no server answers.
  public static func addresses(of host: String) async throws(HTTPError) -> [String] {
    let answer = Answer()
    let result = await withTaskCancellationHandler {
      await withCheckedContinuation { waiting in
        answer.wait(waiting)
        NIOThreadPool.singleton.submit { state in
          answer.come(state == .active ? lookUp(host) : .failure(HTTPError(.cancelled, "the program ends")))
        }
      }
    } onCancel: {
      answer.come(.failure(HTTPError(.cancelled, "looking up the name \(host) was given up")))
    }
    return try result.get()
  }

  /// The first result that comes, for one who waits.
  private final class Answer: Sendable {
    typealias Waiting = CheckedContinuation<Result<[String], HTTPError>, Never>

    private let state = Mutex<(waiting: Waiting?, result: Result<[String], HTTPError>?)>((nil, nil))

    func wait(_ waiting: Waiting) {
      let result = state.withLock { state in
        if state.result == nil { state.waiting = waiting }
        return state.result
      }
      if let result { waiting.resume(returning: result) }
    }

    func come(_ result: Result<[String], HTTPError>) {
      let waiting = state.withLock { state in
        guard state.result == nil else { return Waiting?.none }
        state.result = result
        defer { state.waiting = nil }
        return state.waiting
      }
      waiting?.resume(returning: result)
    }
  }

  private static func lookUp(_ host: String) -> Result<[String], HTTPError> {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_family = AF_UNSPEC
    var found: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(host, nil, &hints, &found)
    guard code == 0 else {
      return .failure(
        HTTPError(.nameNotFound, "the name \(host) cannot be looked up: \(String(cString: gai_strerror(code)))"))
    }
    defer { freeaddrinfo(found) }
    var addresses: Set<String> = []
    var next = found
    while let entry = next?.pointee {
      var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
      if getnameinfo(
        entry.ai_addr, entry.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0
      {
        addresses.insert(String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
      }
      next = entry.ai_next
    }
    return .success(addresses.sorted())
  }
}
