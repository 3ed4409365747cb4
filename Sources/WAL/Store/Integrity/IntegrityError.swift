import Glibc

/// Why a check or a rescue could not be done: the system refused. Damage is never an error here, it is what is reported.
public struct IntegrityError: Error, Sendable, Equatable, CustomStringConvertible {
  /// For example `open`.
  public let operation: String
  public let path: String
  /// The system's error number.
  public let code: Int32

  public init(_ operation: String, path: String, code: Int32 = errno) {
    self.operation = operation
    self.path = path
    self.code = code
  }

  /// Whether the same call may succeed later, with nothing changed but the load or the room on the disk.
  public var mayPass: Bool { [ENOSPC, EDQUOT, ENOMEM, EMFILE, ENFILE, EAGAIN, EINTR, ETIMEDOUT].contains(code) }

  public var description: String {
    var buffer = [CChar](repeating: 0, count: 128)
    let text = buffer.withUnsafeMutableBufferPointer { buffer -> String in
      guard let base = buffer.baseAddress, strerror_r(code, base, buffer.count) == 0 else { return "error" }
      return String(cString: base)
    }
    return "\(operation) \(path): \(text) (\(code))\(mayPass ? ", trying again may help" : "")"
  }
}
