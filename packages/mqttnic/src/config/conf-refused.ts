/** Directives of mosquitto.conf that are known and not followed: some are refused, since a broker without them would be another one; some do not matter. @module */

/** Why each is refused, and what to do instead. */
export const refusedDirectives: ReadonlyMap<string, string> = new Map(
  Object.entries({
    auth_plugin: "plug-ins of mosquitto cannot be loaded; use password_file and acl_file, or jwt in mesh.yaml",
    plugin: "plug-ins of mosquitto cannot be loaded; use password_file and acl_file, or jwt in mesh.yaml",
    global_plugin: "plug-ins of mosquitto cannot be loaded; use password_file and acl_file, or jwt in mesh.yaml",
    auth_plugin_deny_special_chars: "plug-ins of mosquitto cannot be loaded; delete the line",
    bind_interface: "a listener cannot be bound to an interface; give its address: listener 1883 10.0.0.1",
    capath: "folders of authorities are not supported; put them into one file and use cafile",
    ciphers: "a list of ciphers cannot be chosen, Node's safe ones are used; delete the line",
    "ciphers_tls1.3": "a list of ciphers cannot be chosen, Node's safe ones are used; delete the line",
    http_dir: "files are not served over HTTP; use a web server",
    memory_limit: "memory is bounded by max_queued_bytes and the like, and by systemd's MemoryMax=; delete the line",
    psk_file: "pre-shared keys are not supported; use certificates",
    psk_hint: "pre-shared keys are not supported; use certificates",
    tls_engine: "engines are not supported; use key files",
    tls_engine_kpass_sha1: "engines are not supported; use key files",
    tls_keyform: "engines are not supported; use key files",
    use_username_as_clientid: "is not supported; tie client ids to users by patterns with %c and %u in the acl_file",
    bridge_alpn: "is not supported; use a port of its own at the other end",
    bridge_bind_address: "is not supported; choose the source address by a route (ip route … src)",
    bridge_capath: "folders of authorities are not supported; put them into one file and use bridge_cafile",
    bridge_identity: "pre-shared keys are not supported; use bridge_certfile and bridge_keyfile",
    bridge_max_packet_size: "packets to one other broker have no bound of their own; use max_packet_size for all, or delete the line",
    bridge_psk: "pre-shared keys are not supported; use bridge_certfile and bridge_keyfile",
    bridge_require_ocsp: "OCSP is not supported; delete the line",
  }),
);

/** Why each needs nothing to be done. */
export const needlessDirectives: ReadonlyMap<string, string> = new Map(
  Object.entries({
    allow_duplicate_messages: "has no effect: a client with overlapping subscriptions gets one copy [MQTT 5.0 §3.3.4]",
    autosave_interval: "has no effect: each change is saved at once",
    autosave_on_changes: "has no effect: each change is saved at once",
    bridge_tls_version: "has no effect: TLS 1.2 and 1.3 are offered",
    check_retain_source: "has no effect: access is checked when a message is published, and again for who gets it",
    connection_messages: "has no effect: connects and disconnects are in the audit log, and in the log with -v",
    dhparamfile: "has no effect: keys are agreed on over elliptic curves",
    idle_timeout: "has no effect: it is about bridges with start_type lazy",
    log_facility: "has no effect: logs go to stderr, from where systemd's journal takes them",
    log_timestamp: "has no effect: the log has times where the journal does not add them",
    log_timestamp_format: "has no effect: the log has times where the journal does not add them",
    threshold: "has no effect: it is about bridges with start_type lazy",
    user: "has no effect: mqttnic stays who it was started as; say it in the unit (User=)",
    websockets_headers_size: "has no effect",
    websockets_log_level: "has no effect",
  }),
);
