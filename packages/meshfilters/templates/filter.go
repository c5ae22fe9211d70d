//go:build wasip1

// FILTER: puts x-FILTER into every request. Its value is the filter's configuration, or 1.
package main

var value = "1"

//go:wasmexport proxy_on_configure
func configure(root, size int32) int32 {
	if size > 0 {
		value = string(Buffer(PluginConfiguration, size))
	}
	return 1
}

//go:wasmexport proxy_on_request_headers
func requestHeaders(context, headers, end int32) int32 {
	SetHeader(RequestHeaders, "x-FILTER", value)
	return Continue
}
