import Foundation

/// A configuration with secrets at all places where one may stand.
enum PlantedSecrets {
  /// Each `PLANT` becomes a secret of its own, in a form that no rule knows by its look.
  static func plant() -> (text: String, planted: [String]) {
    var planted: [String] = []
    var result = ""
    for (index, part) in everything.components(separatedBy: "PLANT").enumerated() {
      if index > 0 {
        planted.append("pl\(index)x\(String(UInt64.random(in: 0 ... .max), radix: 36))")
        result += planted[planted.count - 1]
      }
      result += part
    }
    return (result, planted)
  }

  private static let everything = """
    # a comment with PLANT
    global:
      external_labels: {site: here, anchored: &anchor PLANT}
    scrape_configs:
      - job_name: one
        basic_auth: &basic {username: me, password: PLANT}
        authorization: {type: Bearer, credentials: PLANT, credentials_file: /etc/token}
        bearer_token: "PLANT"
        oauth2:
          client_id: id
          client_secret: 'PLANT'
          token_url: https://me:PLANT@idp/token?client_secret=PLANT&x=1
          endpoint_params: {audience: all, client-secret: PLANT}
        tls_config:
          ca_file: /etc/ca.pem
          key: |
            -----BEGIN EC PRIVATE KEY-----
            PLANT
            PLANT
            -----END EC PRIVATE KEY-----
        proxy_url: http://PLANT@proxy:3128
        proxy_connect_header: {Proxy-Authorization: [PLANT, "Basic PLANT"]}
        http_headers:
          X-Secret: {secrets: [PLANT, PLANT], files: [/etc/header]}
          Authorization: {values: [PLANT]}
          X-Plain: {values: [shown-header]}
        params: {module: [shown-module], token: [PLANT], auth: [PLANT], X-Credential: [PLANT]}
        relabel_configs:
          - {target_label: __param_auth, replacement: "http://x/?access_token=PLANT"}
        static_configs:
          - targets: [shown-target]
            labels: {__param_token: PLANT, __param_auth: PLANT, __param_module: shown-parameter, token: shown-label}
      - job_name: two
        basic_auth:
          <<: *basic
        metrics_path: /probe/*anchor
        unknown: {future_password: PLANT, futureToken: PLANT, deep: {er: [{some_api_key: PLANT}]}}
        consul_sd_configs: [{server: consul, token: *anchor}]
        hetzner_sd_configs: [{bearer_token_file: /etc/x, authorization: Bearer PLANT}]
    forwarders:
      - name: remote
        url: https://user:PLANT@metrics.example/api/v1/write?sig=PLANT&tenant=shown-tenant
        headers: {X-Scope-OrgID: shown-org, X-Token: PLANT, X-Other: PLANT}
      - name: wrong
        url: http://db/w?auth=PLANT
        headers: "Authorization: Bearer PLANT"
      - name: kafka
        sasl: {mechanism: PLAIN, username: kafka-user, password: PLANT}
        properties:
          sasl.jaas.config: 'Module required username="a" password="PLANT";'
          ssl.key.password: PLANT
        connection: Endpoint=sb://x;SharedAccessKeyName=root;SharedAccessKey=PLANT;
        address: "me:PLANT@broker:9092"
    """
}
