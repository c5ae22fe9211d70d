/**
 * Subscriptions and shared subscriptions again, the same tests on the data plane `rtl`. All of mqttnic's tests run on it by
 * `MITSU_MQTT_PLANE=rtl ./test 'packages/mqttnic/**'`.
 */

// Read when a broker is opened, which is after these files have declared their tests.
process.env.MITSU_MQTT_PLANE = "rtl";
await import("./subscribe.test.ts");
await import("./shared.test.ts");
