/// Sends blocks to a Clymene gateway.
enum GatewayForwarding {}
