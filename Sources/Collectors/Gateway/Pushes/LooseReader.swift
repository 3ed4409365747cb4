import LooseTables
import Model

/// Reads pushes with `LooseTables`: the series of one signal are interned for as long as the gateway runs.
struct LooseReader: PushReader {
  private enum Intake {
    case metrics(MetricsIntake)
    case logs(LogsIntake)
  }

  private let intake: Intake

  init(_ settings: GatewaySettings) {
    switch settings.signal {
    case .metrics: intake = .metrics(MetricsIntake(limits: settings.limits.push))
    case .logs: intake = .logs(LogsIntake(limits: settings.limits.push))
    }
  }

  func read(_ body: [UInt8], as form: PushForm, tenant: Tenant, isTenantFixed: Bool) throws(PushError) -> Push {
    switch (intake, form) {
    case (.metrics(let intake), .remoteWrite1): return try intake.read(body, as: .v1, tenant: tenant)
    case (.metrics(let intake), .remoteWrite2): return try intake.read(body, as: .v2, tenant: tenant)
    case (.logs(let intake), .lokiProtobuf): return try intake.read(lokiProtobuf: body, tenant: tenant)
    case (.logs(let intake), .lokiJSON): return try intake.read(lokiJSON: body, tenant: tenant)
    case (.logs(let intake), .producerBatch):
      return try intake.read(producerBatch: body, tenant: tenant, isTenantFixed: isTenantFixed)
    default: throw .invalid("\(form.rawValue): this gateway does not take it")
    }
  }
}
