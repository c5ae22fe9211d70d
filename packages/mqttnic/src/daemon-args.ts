/** What `mqttnic daemon` is told by flags, over what files say. @module */

/** Arguments of `mqttnic daemon`; what is undefined was not given. */
export interface DaemonArgs {
  /** `address:port`, or a path that begins with `/`; in place of all listeners of the file. */
  readonly listen: readonly string[];
  /** mosquitto.conf. */
  readonly configFile: string | undefined;
  /** mosquitto's `-p`: ports of loopback, or of the default listener of a mosquitto.conf. */
  readonly port: readonly string[];
  /** A file, or `off`. */
  readonly persistence: string | undefined;
  readonly passwordFile: string | undefined;
  readonly aclFile: string | undefined;
  readonly anonymous: "yes" | "no" | "local" | undefined;
  readonly dataPlane: "auto" | "epoll" | "net" | "rtl";
  /** Name of this node in the mesh file; the host's name when not given. */
  readonly node: string | undefined;
  /** `address:port` of Prometheus metrics. */
  readonly metrics: string | undefined;
  readonly maxConnections: number | undefined;
  readonly maxInflight: number | undefined;
  readonly maxQueued: number | undefined;
  /** Bytes. */
  readonly maxPacketBytes: number | undefined;
}
