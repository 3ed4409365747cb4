import Glibc
import NIOPosix

/// All addresses that a name has at present.
public enum NameLookup {
  /// A and AAAA records and what /etc/hosts says, each once, in order of their texts; an address is its own. On a thread of NIO's pool, as the call blocks.
  /// Throws when the name is not known, or nobody could be asked; trying again may help.
  public static func addresses(of host: String) async throws(HTTPError) -> [String] {
    let result: Result<[String], HTTPError>
    do {
      result = try await NIOThreadPool.singleton.runIfActive { lookUp(host) }
    } catch {
      throw HTTPError(.cancelled, "the program ends")
    }
    return try result.get()
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
