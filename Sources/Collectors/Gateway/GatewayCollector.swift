/// The receivers of a gateway.
enum GatewayReceivers {}
