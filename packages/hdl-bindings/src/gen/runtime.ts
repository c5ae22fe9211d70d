/** The C++ that every model shares: stubs for what wasi's libc++ lacks, and the exported functions. Long because it is C++ as text. @module */

/** Header → content: the parts of the standard library that a single-threaded wasi build lacks; on the include path before the library's. */
export const wasiHeaders: Readonly<Record<string, string>> = {
  thread: `#pragma once
namespace std {
class thread {
public:
  thread() = default;
  template <class F, class... A> explicit thread(F&&, A&&...) { __builtin_trap(); }
  static unsigned hardware_concurrency() { return 1; }
  void join() {}
  bool joinable() const { return false; }
};
namespace this_thread {
inline void yield() {}
}
}
`,
  mutex: `#pragma once
#include_next <mutex>
namespace std {
class mutex {
public:
  void lock() {}
  void unlock() {}
  bool try_lock() { return true; }
};
class recursive_mutex : public mutex {};
}
`,
  condition_variable: `#pragma once
#include <mutex>
namespace std {
class condition_variable_any {
public:
  void notify_one() {}
  void notify_all() {}
  template <class L> void wait(L&) { __builtin_trap(); }
  template <class L, class P> void wait(L&, P) { __builtin_trap(); }
};
class condition_variable : public condition_variable_any {};
}
`,
};

/** Before a module's own part: exports, imports, the model, tracing. */
export const runtimeHeader = `#pragma once
#include "Vmodel.h"
#include "verilated.h"
#include <cstdint>
#include <cstdlib>
#include <cstring>

#ifdef __wasm__
#define EXPORT(name) extern "C" __attribute__((export_name(#name)))
#define IMPORT(name) extern "C" __attribute__((import_module("hdl"), import_name(#name)))
IMPORT(message) void hdl_message(int kind, const char* text, unsigned length);
IMPORT(trace) void hdl_trace(const char* bytes, unsigned length);
#include "verilated_threads.h"
VlThreadPool::VlThreadPool(VerilatedContext*, unsigned) {}
VlThreadPool::~VlThreadPool() {}
extern "C" int __cxa_thread_atexit(void (*)(void*), void*, void*) { return 0; }
// compiler-rt's: the product of two numbers of 128 bits, which printf of long double needs.
extern "C" __int128 __multi3(__int128 a, __int128 b) {
  typedef unsigned __int128 wide;
  uint64_t x = (uint64_t)a, y = (uint64_t)b;
  uint64_t x0 = (uint32_t)x, x1 = x >> 32, y0 = (uint32_t)y, y1 = y >> 32;
  uint64_t low = x0 * y0, mid = x1 * y0 + (low >> 32), mid2 = x0 * y1 + (uint32_t)mid;
  uint64_t high = x1 * y1 + (mid >> 32) + (mid2 >> 32);
  high += (uint64_t)((wide)a >> 64) * y + x * (uint64_t)((wide)b >> 64);
  return (__int128)(((wide)high << 64) | (mid2 << 32) | (uint32_t)low);
}
#else
#define EXPORT(name) extern "C" __attribute__((visibility("default")))
static void (*message_callback)(int, const char*, unsigned);
static void (*trace_callback)(const char*, unsigned);
EXPORT(hdl_callbacks) void hdl_callbacks(void (*message)(int, const char*, unsigned), void (*trace)(const char*, unsigned)) {
  message_callback = message;
  trace_callback = trace;
}
static void hdl_message(int kind, const char* text, unsigned length) { if (message_callback) message_callback(kind, text, length); }
static void hdl_trace(const char* bytes, unsigned length) { if (trace_callback) trace_callback(bytes, length); }
#endif

static VerilatedContext* context;
static Vmodel* model;

static void say(int kind, const char* file, int line, const char* text) {
  char all[1024];
  const int length = snprintf(all, sizeof all, "%s:%d: %s", file ? file : "", line, text ? text : "");
  hdl_message(kind, all, length < (int)sizeof all ? length : (int)sizeof all - 1);
}
void vl_finish(const char* file, int line, const char*) VL_MT_UNSAFE { say(0, file, line, "$finish"); }
void vl_stop(const char* file, int line, const char*) VL_MT_UNSAFE { say(1, file, line, "$stop or a failed assertion"); }
void vl_fatal(const char* file, int line, const char*, const char* text) VL_MT_UNSAFE { say(2, file, line, text); }

#if VM_TRACE_FST
#include "verilated_fst_c.h"
static VerilatedFstC* waves;
#elif VM_TRACE
#include "verilated_vcd_c.h"
class Sink final : public VerilatedVcdFile {
public:
  bool open(const std::string&) override { return true; }
  void close() override {}
  ssize_t write(const char* bytes, ssize_t length) override {
    hdl_trace(bytes, (unsigned)length);
    return length;
  }
};
static Sink sink;
static VerilatedVcdC* waves;
#endif
#if VM_TRACE
#define DUMP() \\
  do { \\
    if (VL_UNLIKELY(waves != nullptr)) waves->dump(context->time()); \\
    context->timeInc(5); \\
  } while (0)
#else
#define DUMP() context->timeInc(5)
#endif
`;

/** After a module's own part: what JavaScript calls. */
export const runtimeExports = `
#ifndef OPENED
#define OPENED()
#endif

EXPORT(hdl_open) void* hdl_open(int random, int seed) {
  context = new VerilatedContext;
  context->randReset(random ? 2 : 0);
  context->randSeed(seed);
#if VM_TRACE
  context->traceEverOn(true);
#endif
  model = new Vmodel{context, ""};
  OPENED();
  copy_in(io);
  model->eval(); // with the clock low: the first step then has a rising edge
  copy_out(io + IN);
  return io;
}

EXPORT(hdl_step) void hdl_step(unsigned n) {
  copy_in(io);
  if (n != 0) cycle();
  while (n-- > 1) again();
  copy_out(io + IN);
}

EXPORT(hdl_settle) void hdl_settle() {
  copy_in(io);
  model->eval();
  copy_out(io + IN);
}

EXPORT(hdl_batch) void hdl_batch(unsigned n, const unsigned char* in, unsigned char* out) {
  for (; n != 0; n--, in += IN, out += OUT) {
    copy_in(in);
    cycle();
    copy_out(out);
  }
  copy_out(io + IN);
}

static inline unsigned get(int at) { return *reinterpret_cast<unsigned*>(io + at); }
static inline void set(int at, unsigned value) { *reinterpret_cast<unsigned*>(io + at) = value; }

enum { // of the job, as src/stream/pump.ts writes it
  S_VALID, S_READY, M_VALID, M_READY, M_LAST, // places in the block; -1 where absent
  S_PARTS, M_PARTS, S_STRIDE, M_STRIDE, // payload: number of fields, bytes of a beat
  BEATS, CAPACITY, FRAMES, IDLE_MASK, STALL_MASK, MAX_CYCLES, // what to do
  ACCEPTED, RECEIVED, CYCLES, // what was done
  PARTS // place and bytes of each field of the source's payload, then of the sink's
};

EXPORT(hdl_pump) void hdl_pump(int* job, const unsigned char* in, unsigned char* out, const unsigned char* idle, const unsigned char* stall) {
  int accepted = 0, received = 0, frames = 0, now = 0;
  bool offered = false;
  const int* const source = job + PARTS;
  const int* const sink = source + 2 * job[S_PARTS];
  for (; now < job[MAX_CYCLES]; now++) {
    if (job[M_VALID] < 0 ? accepted >= job[BEATS] : received >= job[CAPACITY] || (job[FRAMES] && frames >= job[FRAMES])) break;
    if (!offered && accepted < job[BEATS] && !idle[now & job[IDLE_MASK]]) {
      offered = true; // and stays so until it is taken (AXI4-Stream 2.2.1)
      const unsigned char* from = in + (size_t)accepted * job[S_STRIDE];
      for (int part = 0; part < job[S_PARTS]; part++) {
        std::memcpy(io + source[2 * part], from, source[2 * part + 1]);
        from += source[2 * part + 1];
      }
    }
    if (job[S_VALID] >= 0) set(job[S_VALID], offered);
    const bool ready = job[M_READY] < 0 || !stall[now & job[STALL_MASK]];
    if (job[M_READY] >= 0) set(job[M_READY], ready);
    copy_in(io);
    low();
    copy_out(io + IN);
    const bool taken = offered && (job[S_READY] < 0 || get(job[S_READY]));
    if (job[M_VALID] >= 0 && ready && get(job[M_VALID])) {
      unsigned char* to = out + (size_t)received++ * job[M_STRIDE];
      for (int part = 0; part < job[M_PARTS]; part++) {
        std::memcpy(to, io + sink[2 * part], sink[2 * part + 1]);
        to += sink[2 * part + 1];
      }
      frames += job[M_LAST] >= 0 && get(job[M_LAST]);
    }
    high();
    accepted += taken;
    if (taken) {
      offered = false;
      for (int part = 0; part < job[S_PARTS]; part++) std::memset(io + source[2 * part], 0, source[2 * part + 1]);
    }
  }
  if (job[S_VALID] >= 0) set(job[S_VALID], 0);
  if (job[M_READY] >= 0) set(job[M_READY], 0);
  hdl_settle();
  job[ACCEPTED] = accepted;
  job[RECEIVED] = received;
  job[CYCLES] = now;
}

EXPORT(hdl_alloc) void* hdl_alloc(unsigned bytes) { return std::malloc(bytes); }
EXPORT(hdl_free) void hdl_free(void* address) { std::free(address); }

#if VM_TRACE_FST
EXPORT(hdl_trace_open_file) void hdl_trace_open_file(const char* path) {
  waves = new VerilatedFstC;
  model->trace(waves, 99);
  waves->open(path);
}
#elif VM_TRACE
EXPORT(hdl_trace_open) void hdl_trace_open() {
  waves = new VerilatedVcdC(&sink);
  model->trace(waves, 99);
  waves->open("trace.vcd");
}
#endif

EXPORT(hdl_close) void hdl_close() {
#if VM_TRACE
  if (waves) {
    waves->close();
    delete waves;
    waves = nullptr;
  }
#endif
  model->final();
  delete model;
  delete context;
}
`;
