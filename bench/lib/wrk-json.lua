-- Prints wrk's own figures as one JSON line at the end; no request or response hook, so that nothing is added per request.
function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"seconds":%.6f,"bytes":%d,"meanUs":%.1f,"p50Us":%.1f,"p99Us":%.1f,"maxUs":%.1f,"errors":%d}\n',
    summary.requests, summary.duration / 1e6, summary.bytes,
    latency.mean, latency:percentile(50), latency:percentile(99), latency.max,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
