//! jwt: lets requests pass that carry a JSON Web Token signed with HMAC-SHA-256, and tells the service who they are from.
//!
//! Configuration, a line each: `secret TEXT`, and if they are to be checked `issuer TEXT` and `audience TEXT`. A token that has expired, is not valid
//! yet, or is of another algorithm is refused with 401. The subject goes on as `x-jwt-subject`; what a client sends under that name does not.
//!
//! Source: RFC 7515, RFC 7519, RFC 2104, FIPS 180-4.
use proxy_wasm::*;
use std::cell::RefCell;

#[derive(Default)]
struct Settings {
    secret: Vec<u8>,
    issuer: Option<String>,
    audience: Option<String>,
}

thread_local! {
    static SETTINGS: RefCell<Settings> = RefCell::new(Settings::default());
}

#[no_mangle]
pub extern "C" fn proxy_on_configure(_root: u32, size: u32) -> u32 {
    let mut settings = Settings::default();
    for line in configuration(size).lines().filter(|line| !line.trim().is_empty()) {
        match line.split_once(' ') {
            Some(("secret", text)) => settings.secret = text.as_bytes().to_vec(),
            Some(("issuer", text)) => settings.issuer = Some(text.to_string()),
            Some(("audience", text)) => settings.audience = Some(text.to_string()),
            _ => {
                log(Level::Error, "a line is none of: secret TEXT, issuer TEXT, audience TEXT");
                return 0;
            }
        }
    }
    if settings.secret.is_empty() {
        log(Level::Error, "there is no secret");
        return 0;
    }
    SETTINGS.with(|place| *place.borrow_mut() = settings);
    1
}

#[no_mangle]
pub extern "C" fn proxy_on_request_headers(_context: u32, _headers: u32, _end: u32) -> u32 {
    remove_header(Map::RequestHeaders, "x-jwt-subject");
    let authorization = header(Map::RequestHeaders, "authorization").unwrap_or_default();
    // RFC 9110 §11.1: the scheme's case does not matter.
    let token = match authorization.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => return refuse("no_token", "there is no bearer token"),
    };
    match SETTINGS.with(|settings| check(token, &settings.borrow(), now_ns() / 1_000_000_000)) {
        Ok(subject) => {
            if let Some(subject) = subject {
                set_header(Map::RequestHeaders, "x-jwt-subject", &subject);
            }
            CONTINUE
        }
        Err(why) => refuse("token_refused", why),
    }
}

fn refuse(details: &str, why: &str) -> u32 {
    let challenge = if details == "no_token" { "Bearer".to_string() } else { format!("Bearer error=\"invalid_token\", error_description=\"{}\"", why) };
    respond(401, details, &[("www-authenticate", &challenge), ("content-type", "text/plain")], &format!("{}\n", why));
    PAUSE
}

/// The subject, if the token has one; or why it is not accepted.
fn check(token: &str, settings: &Settings, now: u64) -> Result<Option<String>, &'static str> {
    let parts: Vec<&str> = token.split('.').collect();
    let [head, claims, signature] = <[&str; 3]>::try_from(parts).map_err(|_| "the token has not three parts")?;
    let header = Json::parse(&base64url(head).ok_or("the token's head is not base64url")?).ok_or("the token's head is not JSON")?;
    // Only the algorithm that we use: `none`, and a public key taken for a secret, are how such checks are passed by.
    if header.text("alg") != Some("HS256") {
        return Err("the token is not signed with HS256");
    }
    if header.get("crit").is_some() {
        return Err("the token wants what is not known here");
    }
    let given = base64url(signature).ok_or("the token's signature is not base64url")?;
    let expected = hmac_sha256(&settings.secret, &token.as_bytes()[..head.len() + 1 + claims.len()]);
    if !same(&given, &expected) {
        return Err("the token's signature is wrong");
    }
    let claims = Json::parse(&base64url(claims).ok_or("the token's claims are not base64url")?).ok_or("the token's claims are not JSON")?;
    if claims.get("exp").is_some() && !(claims.number("exp").ok_or("the token's exp is no number")? > now as f64) {
        return Err("the token has expired");
    }
    if claims.get("nbf").is_some() && !(claims.number("nbf").ok_or("the token's nbf is no number")? <= now as f64) {
        return Err("the token is not valid yet");
    }
    if settings.issuer.is_some() && claims.text("iss") != settings.issuer.as_deref() {
        return Err("the token is from another issuer");
    }
    if let Some(audience) = &settings.audience {
        let meant = match claims.get("aud") {
            Some(Json::Text(one)) => one == audience,
            Some(Json::List(all)) => all.iter().any(|one| matches!(one, Json::Text(text) if text == audience)),
            _ => false,
        };
        if !meant {
            return Err("the token is for another audience");
        }
    }
    Ok(claims.text("sub").map(str::to_string))
}

/// Takes as long for a wrong byte wherever it is.
fn same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

/// RFC 4648 §5, without padding.
fn base64url(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut bits, mut held) = (Vec::with_capacity(text.len() * 3 / 4), 0u32, 0u32);
    for byte in text.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'-' => 62,
            b'_' => 63,
            _ => return None,
        };
        bits = bits << 6 | value as u32;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    // A last character that adds no whole byte, or bits that are not zero, is another text for the same bytes.
    if held == 6 || bits != 0 {
        return None;
    }
    Some(bytes)
}

fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut block = [0u8; 64];
    if key.len() > 64 {
        block[..32].copy_from_slice(&sha256(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let padded = |pad: u8, rest: &[u8]| -> Vec<u8> { block.iter().map(|byte| byte ^ pad).chain(rest.iter().copied()).collect() };
    sha256(&padded(0x5c, &sha256(&padded(0x36, message))))
}

const ROUNDS: [u32; 64] = [
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74,
    0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d,
    0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e,
    0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5,
    0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
];

fn sha256(message: &[u8]) -> [u8; 32] {
    let mut state = [0x6a09e667u32, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];
    let mut padded = message.to_vec();
    padded.push(0x80);
    while padded.len() % 64 != 56 {
        padded.push(0);
    }
    padded.extend((message.len() as u64 * 8).to_be_bytes());
    for block in padded.chunks_exact(64) {
        let mut words = [0u32; 64];
        for (word, bytes) in words.iter_mut().zip(block.chunks_exact(4)) {
            *word = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        }
        for at in 16..64 {
            let (early, late) = (words[at - 15], words[at - 2]);
            let small = early.rotate_right(7) ^ early.rotate_right(18) ^ early >> 3;
            let large = late.rotate_right(17) ^ late.rotate_right(19) ^ late >> 10;
            words[at] = words[at - 16].wrapping_add(small).wrapping_add(words[at - 7]).wrapping_add(large);
        }
        let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = state;
        for at in 0..64 {
            let one = h
                .wrapping_add(e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25))
                .wrapping_add(e & f ^ !e & g)
                .wrapping_add(ROUNDS[at])
                .wrapping_add(words[at]);
            let two = (a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22)).wrapping_add(a & b ^ a & c ^ b & c);
            h = g;
            g = f;
            f = e;
            e = d.wrapping_add(one);
            d = c;
            c = b;
            b = a;
            a = one.wrapping_add(two);
        }
        for (word, add) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
            *word = word.wrapping_add(add);
        }
    }
    let mut digest = [0u8; 32];
    for (bytes, word) in digest.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    digest
}

/// JSON as far as tokens have it; keys given twice are refused, as readers differ in which of them counts.
enum Json {
    Other,
    Number(f64),
    Text(String),
    List(Vec<Json>),
    Map(Vec<(String, Json)>),
}

impl Json {
    fn parse(bytes: &[u8]) -> Option<Json> {
        let mut reader = Reader { bytes: std::str::from_utf8(bytes).ok()?.as_bytes(), at: 0 };
        let value = reader.value(0)?;
        reader.space();
        if reader.at == bytes.len() && matches!(value, Json::Map(_)) { Some(value) } else { None }
    }

    fn get(&self, name: &str) -> Option<&Json> {
        match self {
            Json::Map(fields) => fields.iter().find(|(key, _)| key == name).map(|(_, value)| value),
            _ => None,
        }
    }

    fn text(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(Json::Text(text)) => Some(text),
            _ => None,
        }
    }

    fn number(&self, name: &str) -> Option<f64> {
        match self.get(name) {
            Some(Json::Number(number)) => Some(*number),
            _ => None,
        }
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn space(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    /// Takes the byte if it comes next, after spaces.
    fn takes(&mut self, byte: u8) -> bool {
        self.space();
        let there = self.bytes.get(self.at) == Some(&byte);
        self.at += there as usize;
        there
    }

    fn value(&mut self, depth: u32) -> Option<Json> {
        if depth > 16 {
            return None;
        }
        self.space();
        match *self.bytes.get(self.at)? {
            b'"' => self.text().map(Json::Text),
            b'{' => {
                self.at += 1;
                let mut fields: Vec<(String, Json)> = Vec::new();
                if self.takes(b'}') {
                    return Some(Json::Map(fields));
                }
                loop {
                    self.space();
                    let key = self.text()?;
                    if fields.iter().any(|(known, _)| *known == key) || !self.takes(b':') {
                        return None;
                    }
                    fields.push((key, self.value(depth + 1)?));
                    if self.takes(b'}') {
                        return Some(Json::Map(fields));
                    }
                    if !self.takes(b',') {
                        return None;
                    }
                }
            }
            b'[' => {
                self.at += 1;
                let mut items = Vec::new();
                if self.takes(b']') {
                    return Some(Json::List(items));
                }
                loop {
                    items.push(self.value(depth + 1)?);
                    if self.takes(b']') {
                        return Some(Json::List(items));
                    }
                    if !self.takes(b',') {
                        return None;
                    }
                }
            }
            _ => {
                let start = self.at;
                while matches!(self.bytes.get(self.at), Some(b'a'..=b'z' | b'0'..=b'9' | b'-' | b'+' | b'.' | b'E')) {
                    self.at += 1;
                }
                match std::str::from_utf8(&self.bytes[start..self.at]).ok()? {
                    "true" | "false" | "null" => Some(Json::Other),
                    number if number.starts_with(|first: char| first == '-' || first.is_ascii_digit()) => number.parse().ok().map(Json::Number),
                    _ => None,
                }
            }
        }
    }

    fn text(&mut self) -> Option<String> {
        if self.bytes.get(self.at) != Some(&b'"') {
            return None;
        }
        self.at += 1;
        let mut out = Vec::new();
        loop {
            let byte = *self.bytes.get(self.at)?;
            self.at += 1;
            match byte {
                b'"' => return String::from_utf8(out).ok(),
                0..=0x1f => return None,
                b'\\' => {
                    let escaped = *self.bytes.get(self.at)?;
                    self.at += 1;
                    let plain = match escaped {
                        b'"' | b'\\' | b'/' => escaped as char,
                        b'n' => '\n',
                        b't' => '\t',
                        b'r' => '\r',
                        b'b' => '\u{8}',
                        b'f' => '\u{c}',
                        b'u' => {
                            let digits = std::str::from_utf8(self.bytes.get(self.at..self.at + 4)?).ok()?;
                            self.at += 4;
                            // Half of a pair is no character, and no token of ours has a pair.
                            char::from_u32(u32::from_str_radix(digits, 16).ok()?)?
                        }
                        _ => return None,
                    };
                    out.extend(plain.encode_utf8(&mut [0; 4]).bytes());
                }
                _ => out.push(byte),
            }
        }
    }
}
