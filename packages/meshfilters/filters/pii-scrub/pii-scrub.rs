//! pii-scrub: takes e-mail addresses and payment card numbers out of the bodies of responses that are text, before they leave the mesh.
//!
//! Addresses become `[e-mail]`; of card numbers, which are told from others by their check digit (Luhn), the last four digits stay.
//! A body is kept back as a whole, so that one that is cut into two pieces is found. Counted in `pii_scrubbed`.
use proxy_wasm::*;
use std::cell::RefCell;
use std::collections::HashSet;

thread_local! {
    /// Streams whose body is read.
    static WANTED: RefCell<HashSet<u32>> = RefCell::new(HashSet::new());
    static SCRUBBED: Metric = Metric::new(MetricType::Counter, "pii_scrubbed");
}

#[no_mangle]
pub extern "C" fn proxy_on_configure(_root: u32, _size: u32) -> u32 {
    SCRUBBED.with(|_| ());
    1
}

#[no_mangle]
pub extern "C" fn proxy_on_request_headers(_context: u32, _headers: u32, _end: u32) -> u32 {
    // What is compressed cannot be read: the service is asked for plain text.
    remove_header(Map::RequestHeaders, "accept-encoding");
    CONTINUE
}

#[no_mangle]
pub extern "C" fn proxy_on_response_headers(context: u32, _headers: u32, end: u32) -> u32 {
    let kind = header(Map::ResponseHeaders, "content-type").unwrap_or_default();
    if end == 0 && (kind.starts_with("text/") || kind.contains("json")) {
        WANTED.with(|wanted| wanted.borrow_mut().insert(context));
        remove_header(Map::ResponseHeaders, "content-length");
    }
    CONTINUE
}

#[no_mangle]
pub extern "C" fn proxy_on_response_body(context: u32, size: u32, end: u32) -> u32 {
    if !WANTED.with(|wanted| wanted.borrow().contains(&context)) {
        return CONTINUE;
    }
    if end == 0 {
        return PAUSE;
    }
    let (clean, found) = scrub(&buffer(Buffer::ResponseBody, size as usize));
    if found > 0 {
        set_buffer(Buffer::ResponseBody, size as usize, &clean);
        SCRUBBED.with(|metric| metric.increment(found));
    }
    CONTINUE
}

#[no_mangle]
pub extern "C" fn proxy_on_log(context: u32) {
    WANTED.with(|wanted| wanted.borrow_mut().remove(&context));
}

/// A clean copy, and how much was taken out.
fn scrub(body: &[u8]) -> (Vec<u8>, i64) {
    let (mut out, mut found, mut at) = (Vec::with_capacity(body.len()), 0, 0);
    while at < body.len() {
        let byte = body[at];
        if byte == b'@' {
            let before = out.iter().rev().take_while(|byte| is_local(**byte)).count();
            let after = domain_length(&body[at + 1..]);
            if before > 0 && after > 0 {
                out.truncate(out.len() - before);
                out.extend(b"[e-mail]");
                at += 1 + after;
                found += 1;
                continue;
            }
        }
        if byte.is_ascii_digit() && !matches!(at.checked_sub(1).map(|last| body[last]), Some(last) if last.is_ascii_alphanumeric()) {
            if let Some(length) = card_length(&body[at..]) {
                let text = &body[at..at + length];
                let last = text.iter().rev().filter(|byte| byte.is_ascii_digit()).take(4).copied().collect::<Vec<_>>();
                out.extend(b"[card ");
                out.extend(last.iter().rev());
                out.push(b']');
                at += length;
                found += 1;
                continue;
            }
        }
        out.push(byte);
        at += 1;
    }
    (out, found)
}

/// RFC 5322 §3.2.3, without what delimits text in JSON and HTML.
fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b".!#$%*+-/=?^_{|}~".contains(&byte)
}

/// A host name of at least two labels; 0 for none.
fn domain_length(text: &[u8]) -> usize {
    let name = text.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'-' || **byte == b'.').count();
    // The full stop that ends a sentence is not part of it.
    let end = text[..name].iter().rposition(|byte| *byte != b'.' && *byte != b'-').map_or(0, |last| last + 1);
    if text[..end].contains(&b'.') && text[0] != b'.' { end } else { 0 }
}

/// 13 to 19 digits, with single spaces or hyphens between them, whose check digit is right.
fn card_length(text: &[u8]) -> Option<usize> {
    let (mut digits, mut at) = (Vec::new(), 0);
    while at < text.len() {
        if text[at].is_ascii_digit() {
            digits.push(text[at] - b'0');
        } else if !((text[at] == b' ' || text[at] == b'-') && at > 0 && text[at - 1].is_ascii_digit() && text.get(at + 1).map_or(false, u8::is_ascii_digit)) {
            break;
        }
        if digits.len() > 19 {
            return None;
        }
        at += 1;
    }
    if digits.len() < 13 || text.get(at).map_or(false, u8::is_ascii_alphanumeric) {
        return None;
    }
    let sum: u32 = digits.iter().rev().enumerate().map(|(place, digit)| {
        let doubled = *digit as u32 * if place % 2 == 1 { 2 } else { 1 };
        if doubled > 9 { doubled - 9 } else { doubled }
    }).sum();
    if sum % 10 == 0 { Some(at) } else { None }
}
