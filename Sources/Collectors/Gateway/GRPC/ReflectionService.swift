import Foundation
import GRPCCore
import GatewayRPC
import Wire

/// gRPC's reflection service, in both of its versions: which services there are, and how their messages are declared.
struct ReflectionService: RegistrableRPCService {
  /// Requests on one stream; no client has so many.
  private static let limit = 1000

  let services: Set<String>
  private let files: [ReflectionMessages.File]

  /// `services`: those of this server, by their full names.
  init(services: Set<String>) {
    self.services = services
    files = DescriptorBytes.files.compactMap { text in
      Data(base64Encoded: text).flatMap { try? ReflectionMessages.File(decoding: Array($0)) }
    }
  }

  func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
    for method in [GatewayMethods.reflection, GatewayMethods.reflectionAlpha] {
      router.registerHandler(
        forMethod: method, deserializer: BytesCoder(), serializer: BytesCoder(),
        handler: { request, _ in
          StreamingServerResponse(metadata: [:]) { writer in
            var count = 0
            for try await message in request.messages {
              count += 1
              guard count <= Self.limit else {
                throw RPCError(code: .resourceExhausted, message: "more than \(Self.limit) requests on one stream")
              }
              try await writer.write(try answer(message))
            }
            return [:]
          }
        })
    }
  }

  func answer(_ message: [UInt8]) throws -> [UInt8] {
    let request: ReflectionMessages.Request
    do {
      request = try ReflectionMessages.request(message)
    } catch {
      throw RPCError(code: .invalidArgument, message: "\(error)")
    }
    switch request {
    case .services: return ReflectionMessages.response(to: message, services: services.sorted())
    case .file(let name): return answer(message, files.first { $0.name == name }, name)
    case .symbol(let symbol): return answer(message, files.first { $0.symbols.contains(symbol) }, symbol)
    case .other: return ReflectionMessages.response(to: message, error: 12, "there are no extensions here")
    }
  }

  private func answer(_ message: [UInt8], _ file: ReflectionMessages.File?, _ name: String) -> [UInt8] {
    guard let file else { return ReflectionMessages.response(to: message, error: 5, "\(name.prefix(200)) is not here") }
    return ReflectionMessages.response(to: message, files: [file.bytes])
  }
}
