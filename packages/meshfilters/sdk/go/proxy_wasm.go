//go:build wasip1

// proxy-wasm for plain Go (1.24 or later, no TinyGo): what a filter usually does with the host's functions.
// `meshfilters build` compiles it beside the filter, as a file of its package main.
// Source: github.com/proxy-wasm/spec, abi-versions/v0.2.1.
package main

import "unsafe"

// What callbacks return: go on, or hold back all that follows; a body that is paused is kept as a whole.
const (
	Continue int32 = 0
	Pause    int32 = 1
)

// Maps of fields.
const (
	RequestHeaders int32 = iota
	RequestTrailers
	ResponseHeaders
	ResponseTrailers
	GrpcInitialMetadata
	GrpcTrailingMetadata
	CallHeaders
	CallTrailers
)

// Buffers of bytes.
const (
	RequestBody int32 = iota
	ResponseBody
	DownstreamData
	UpstreamData
	CallBody
	GrpcMessage
	VMConfiguration
	PluginConfiguration
	CallData
)

//go:wasmimport env proxy_log
func hostLog(level int32, text unsafe.Pointer, size int32) int32

//go:wasmimport env proxy_get_header_map_value
func hostGetHeader(mapType int32, key unsafe.Pointer, keySize int32, value, size unsafe.Pointer) int32

//go:wasmimport env proxy_add_header_map_value
func hostAddHeader(mapType int32, key unsafe.Pointer, keySize int32, value unsafe.Pointer, size int32) int32

//go:wasmimport env proxy_replace_header_map_value
func hostSetHeader(mapType int32, key unsafe.Pointer, keySize int32, value unsafe.Pointer, size int32) int32

//go:wasmimport env proxy_remove_header_map_value
func hostRemoveHeader(mapType int32, key unsafe.Pointer, keySize int32) int32

//go:wasmimport env proxy_get_buffer_bytes
func hostGetBuffer(buffer, start, most int32, bytes, size unsafe.Pointer) int32

//go:wasmimport env proxy_set_buffer_bytes
func hostSetBuffer(buffer, start, replaced int32, bytes unsafe.Pointer, size int32) int32

//go:wasmimport env proxy_get_property
func hostGetProperty(path unsafe.Pointer, pathSize int32, value, size unsafe.Pointer) int32

//go:wasmimport env proxy_send_local_response
func hostRespond(status int32, details unsafe.Pointer, detailsSize int32, body unsafe.Pointer, bodySize int32, headers unsafe.Pointer, headersSize, grpcStatus int32) int32

// What the host was lent; kept until it is taken, so that the collector leaves it alone.
var lent = map[uint32][]byte{}

//go:wasmexport proxy_on_memory_allocate
func allocate(size int32) unsafe.Pointer {
	bytes := make([]byte, max(size, 1))
	pointer := unsafe.Pointer(&bytes[0])
	lent[uint32(uintptr(pointer))] = bytes
	return pointer
}

//go:wasmexport proxy_abi_version_0_2_1
func abi() {}

func given(call func(pointer, size unsafe.Pointer) int32) ([]byte, bool) {
	var pointer uint32
	var size int32
	if call(unsafe.Pointer(&pointer), unsafe.Pointer(&size)) != 0 {
		return nil, false
	}
	bytes := lent[pointer]
	delete(lent, pointer)
	return bytes[:size], true
}

func text(s string) (unsafe.Pointer, int32) { return unsafe.Pointer(unsafe.StringData(s)), int32(len(s)) }

// Log writes a line; 2 is info, 3 a warning.
func Log(level int32, line string) {
	at, size := text(line)
	hostLog(level, at, size)
}

// Header gives the first value of a field.
func Header(mapType int32, name string) (string, bool) {
	key, keySize := text(name)
	bytes, ok := given(func(value, size unsafe.Pointer) int32 { return hostGetHeader(mapType, key, keySize, value, size) })
	return string(bytes), ok
}

// AddHeader adds a field.
func AddHeader(mapType int32, name, value string) {
	key, keySize := text(name)
	at, size := text(value)
	hostAddHeader(mapType, key, keySize, at, size)
}

// SetHeader puts one field in the place of all of that name.
func SetHeader(mapType int32, name, value string) {
	key, keySize := text(name)
	at, size := text(value)
	hostSetHeader(mapType, key, keySize, at, size)
}

// RemoveHeader removes all fields of that name.
func RemoveHeader(mapType int32, name string) {
	key, keySize := text(name)
	hostRemoveHeader(mapType, key, keySize)
}

// Buffer gives up to size bytes from its beginning.
func Buffer(which, size int32) []byte {
	bytes, _ := given(func(at, length unsafe.Pointer) int32 { return hostGetBuffer(which, 0, size, at, length) })
	return bytes
}

// SetBuffer puts bytes in the place of the first ones.
func SetBuffer(which, replaced int32, bytes []byte) {
	hostSetBuffer(which, 0, replaced, unsafe.Pointer(unsafe.SliceData(bytes)), int32(len(bytes)))
}

// Property gives an attribute; its parts have NULs between them.
func Property(path string) ([]byte, bool) {
	at, size := text(path)
	return given(func(value, length unsafe.Pointer) int32 { return hostGetProperty(at, size, value, length) })
}

// Respond gives an answer of the filter's own; the callback returns Pause after it.
func Respond(status int32, details, body string) {
	detailsAt, detailsSize := text(details)
	bodyAt, bodySize := text(body)
	hostRespond(status, detailsAt, detailsSize, bodyAt, bodySize, nil, 0, -1)
}

func main() {}
