import Testing

@testable import GatewayCollectors
