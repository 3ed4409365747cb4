import Testing
import Wire

@Suite("The messages of gRPC's own services") struct GRPCServicesTests {
  private func field(_ number: Int, _ content: [UInt8]) -> [UInt8] {
    var out = ProtobufWriter()
    out.bytes(number, content)
    return out.bytes
  }

  @Test func `say what is asked for`() throws {
    #expect(try HealthMessages.service(of: []) == "")
    #expect(try HealthMessages.service(of: field(1, Array("a.B".utf8))) == "a.B")
    #expect(HealthMessages.response(.notServing) == [8, 2])
    #expect(try ReflectionMessages.request(field(7, [])) == .services)
    #expect(try ReflectionMessages.request(field(4, Array("a.B".utf8))) == .symbol("a.B"))
    #expect(try ReflectionMessages.request(field(3, Array("a.proto".utf8))) == .file("a.proto"))
    #expect(try ReflectionMessages.request(field(5, [])) == .other)
    #expect(throws: WireError.self) { try ReflectionMessages.request([0x22, 5, 1]) }
    #expect(throws: WireError.self) { try HealthMessages.service(of: field(1, [0xff])) }
  }

  @Test func `name what a descriptor declares`() throws {
    let method = field(2, field(1, Array("Call".utf8)))
    let service = field(6, field(1, Array("S".utf8)) + method)
    let message = field(4, field(1, Array("M".utf8)))
    let bytes = field(1, Array("f.proto".utf8)) + field(2, Array("p".utf8)) + message + service
    let file = try ReflectionMessages.File(decoding: bytes)
    #expect(file.name == "f.proto")
    #expect(file.services == ["p.S"])
    #expect(file.symbols == ["p.M", "p.S", "p.S.Call"])
    #expect(throws: WireError.self) { try ReflectionMessages.File(decoding: Array(bytes.dropLast())) }
  }

  @Test func `survive every cut and every changed byte`() {
    let bytes = field(1, Array("f".utf8)) + field(6, field(1, Array("S".utf8)) + field(2, field(1, Array("C".utf8))))
    #expect(GRPCServicesProbe.run(bytes))
    for end in bytes.indices {
      GRPCServicesProbe.run(Array(bytes[..<end]))
      for value in [0, 1, 0x7f, 0x80, 0xff] as [UInt8] {
        var changed = bytes
        changed[end] = value
        GRPCServicesProbe.run(changed)
      }
    }
  }
}
