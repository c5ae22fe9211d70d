//go:build wasip1

// maintenance: answers 503 to everything but the paths that are named, one a line; without any, to everything but /health.
package main

import "strings"

var open = []string{"/health"}

//go:wasmexport proxy_on_configure
func configure(root, size int32) int32 {
	if size > 0 {
		open = strings.Fields(string(Buffer(PluginConfiguration, size)))
	}
	return 1
}

//go:wasmexport proxy_on_request_headers
func requestHeaders(context, headers, end int32) int32 {
	path, _ := Header(RequestHeaders, ":path")
	path, _, _ = strings.Cut(path, "?")
	for _, one := range open {
		if path == one || strings.HasPrefix(path, one+"/") {
			return Continue
		}
	}
	Respond(503, "maintenance", "we are back soon\n")
	return Pause
}

//go:wasmexport proxy_on_response_headers
func responseHeaders(context, headers, end int32) int32 {
	if status, _ := Header(ResponseHeaders, ":status"); status == "503" {
		SetHeader(ResponseHeaders, "retry-after", "60")
	}
	return Continue
}
