/// gRPC's reflection messages, the same in the versions v1 and v1alpha.
///
/// Source: https://github.com/grpc/grpc/blob/master/doc/server-reflection.md
public enum ReflectionMessages {
  /// What a ServerReflectionRequest asks for.
  public enum Request: Sendable, Equatable {
    case file(String)
    case symbol(String)
    case services
    /// Extensions, of which there are none here, or what a later version asks for.
    case other
  }

  public static func request(_ message: [UInt8]) throws(WireError) -> Request {
    let bytes = message.span.bytes
    var reader = ProtobufReader(offset: 0, end: message.count)
    var request = Request.other
    while true {
      let at = reader.offset
      guard let (number, value) = try reader.field("reflection request", in: bytes) else { return request }
      switch number {
      case 3: request = .file(try text(value, at, bytes))
      case 4: request = .symbol(try text(value, at, bytes))
      case 5, 6: request = .other
      case 7: request = .services
      default: break
      }
    }
  }

  /// A ServerReflectionResponse. `request` is repeated in it, as clients want.
  public static func response(to request: [UInt8], files: [[UInt8]]) -> [UInt8] {
    var inner = ProtobufWriter(reserving: files.reduce(16) { $0 + $1.count + 4 })
    for file in files { inner.bytes(1, file) }
    return response(to: request, 4, inner)
  }

  public static func response(to request: [UInt8], services: [String]) -> [UInt8] {
    var inner = ProtobufWriter()
    for service in services {
      var name = ProtobufWriter()
      name.text(1, service)
      inner.bytes(1, name.bytes)
    }
    return response(to: request, 6, inner)
  }

  /// `code`: of gRPC, 5 for what is not there.
  public static func response(to request: [UInt8], error code: UInt64, _ text: String) -> [UInt8] {
    var inner = ProtobufWriter()
    inner.varint(1, code)
    inner.text(2, text)
    return response(to: request, 7, inner)
  }

  private static func response(to request: [UInt8], _ number: Int, _ inner: ProtobufWriter) -> [UInt8] {
    var out = ProtobufWriter(reserving: request.count + inner.bytes.count + 16)
    out.bytes(2, request)
    out.bytes(number, inner.bytes)
    return out.bytes
  }

  private static func text(_ value: ProtobufReader.Value, _ at: Int, _ bytes: RawSpan) throws(WireError) -> String {
    try value.bytes("reflection request", at: at).text("reflection request", in: bytes)
  }

  /// What a FileDescriptorProto declares: its name, and the full names in it.
  ///
  /// Source: https://github.com/protocolbuffers/protobuf/blob/main/src/google/protobuf/descriptor.proto
  public struct File: Sendable, Equatable {
    public var name = ""
    public var services: [String] = []
    /// Messages, enumerations, services and their methods, without what is declared inside a message.
    public var symbols: [String] = []
    public var bytes: [UInt8]

    public init(decoding file: [UInt8]) throws(WireError) {
      self.bytes = file
      let bytes = file.span.bytes
      var reader = ProtobufReader(offset: 0, end: file.count)
      var package = ""
      var names: [(kind: Int, name: String, methods: [String])] = []
      while true {
        let at = reader.offset
        guard let (number, value) = try reader.field("file descriptor", in: bytes) else { break }
        switch number {
        case 1: name = try value.bytes("file descriptor", at: at).text("file descriptor: name", in: bytes)
        case 2: package = try value.bytes("file descriptor", at: at).text("file descriptor: package", in: bytes)
        case 4, 5, 6:
          var inner = try value.bytes("file descriptor", at: at)
          let (name, methods) = try Self.names(&inner, bytes)
          names.append((number, name, number == 6 ? methods : []))
        default: break
        }
      }
      for (kind, name, methods) in names {
        let full = package.isEmpty ? name : "\(package).\(name)"
        symbols.append(full)
        if kind == 6 { services.append(full) }
        symbols += methods.map { "\(full).\($0)" }
      }
    }

    /// The name of a declaration, and of those that are field 2 of it: a service's methods.
    private static func names(
      _ reader: inout ProtobufReader, _ bytes: RawSpan
    ) throws(WireError) -> (String, [String]) {
      var name = ""
      var methods: [String] = []
      while true {
        let at = reader.offset
        guard let (number, value) = try reader.field("declaration", in: bytes) else { return (name, methods) }
        switch number {
        case 1: name = try value.bytes("declaration", at: at).text("declaration: name", in: bytes)
        case 2:
          guard case .bytes(var inner) = value else { break }
          while true {
            let at = inner.offset
            guard let (number, value) = try inner.field("method", in: bytes) else { break }
            if number == 1 { methods.append(try value.bytes("method", at: at).text("method: name", in: bytes)) }
          }
        default: break
        }
      }
    }
  }
}
