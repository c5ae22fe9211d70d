// Jaeger as its authors release it; scripts/peer-receivers adds what it requires.
module mitsu.test/jaeger

go 1.26

tool github.com/jaegertracing/jaeger/cmd/jaeger

require github.com/jaegertracing/jaeger v1.76.0
