/**
 * The parts of OpenTelemetry's packages that are used at run time. They take some 70 ms to load, so this file is imported only once spans
 * are to be sent; a bundler keeps nothing else of the packages.
 * @module
 */
export { ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
export { resourceFromAttributes } from "@opentelemetry/resources";
