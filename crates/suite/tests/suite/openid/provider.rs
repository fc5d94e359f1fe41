//! An OpenID provider that does what the test says: right, or wrong in one way.
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::{Url, form_urlencoded};

use crate::world::unique;

/// Our client there, and its secret.
pub const CLIENT: &str = "portcullis";
pub const SECRET: &str = "the-client-secret-4711";

pub enum SigningKey {
    Ed(Ed25519KeyPair),
    Ec(EcdsaKeyPair),
    Rsa(RsaKeyPair),
}
impl SigningKey {
    pub fn ed() -> Self {
        Self::Ed(Ed25519KeyPair::generate().unwrap())
    }
    pub fn ec() -> Self {
        Self::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }
    pub fn rsa() -> Self {
        Self::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())
    }
    fn algorithm(&self) -> &'static str {
        match self {
            Self::Ed(_) => "EdDSA",
            Self::Ec(_) => "ES256",
            Self::Rsa(_) => "RS256",
        }
    }
    fn jwk(&self, kid: &str) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match self {
            Self::Ed(k) => json!({ "kty": "OKP", "crv": "Ed25519", "kid": kid, "x": text(k.public_key().as_ref()) }),
            Self::Ec(k) => {
                let point = &k.public_key().as_ref()[1..];
                json!({ "kty": "EC", "crv": "P-256", "kid": kid, "x": text(&point[..32]), "y": text(&point[32..]) })
            }
            Self::Rsa(k) => {
                let n = aws_lc_rs::signature::RsaKeyPair::public_key(k).modulus().big_endian_without_leading_zero();
                let e = aws_lc_rs::signature::RsaKeyPair::public_key(k).exponent().big_endian_without_leading_zero();
                json!({ "kty": "RSA", "kid": kid, "use": "sig", "n": text(n), "e": text(e) })
            }
        }
    }
    /// What a forger takes for a shared secret.
    fn public(&self) -> Vec<u8> {
        match self {
            Self::Ed(k) => k.public_key().as_ref().to_vec(),
            Self::Ec(k) => k.public_key().as_ref().to_vec(),
            Self::Rsa(k) => k.public_key().as_ref().to_vec(),
        }
    }
    fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Ed(k) => k.sign(message).as_ref().to_vec(),
            Self::Ec(k) => k.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec(),
            Self::Rsa(k) => {
                let mut out = vec![0; k.public_modulus_len()];
                k.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut out).unwrap();
                out
            }
        }
    }
}

/// In what way a token is wrong.
#[derive(Clone, Debug)]
pub enum Twist {
    /// This claim is so; null: it is missing.
    Claim(&'static str, Value),
    /// The header says so.
    Header(&'static str, Value),
    /// `alg` is `none`, and there is no signature.
    Unsigned,
    /// HMAC with the public key as its secret (key confusion).
    SharedSecret,
    /// Signed by somebody else in this one's name.
    Forged,
    /// No token at all.
    NoToken,
}

struct Granted {
    query: HashMap<String, String>,
    claims: Value,
    used: bool,
}
struct Inner {
    key: SigningKey,
    kid: String,
    twist: Option<Twist>,
    /// Members of the discovery document that are so.
    document: HashMap<&'static str, Value>,
    /// Claims that only the UserInfo endpoint tells.
    userinfo: Option<Value>,
    granted: HashMap<String, Granted>,
    asked: Vec<String>,
}

/// Listens until the test ends.
#[derive(Clone)]
pub struct Provider {
    pub port: u16,
    inner: Arc<Mutex<Inner>>,
}
impl Provider {
    pub async fn start(key: SigningKey) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let inner = Inner {
            key,
            kid: "k1".into(),
            twist: None,
            document: HashMap::new(),
            userinfo: None,
            granted: HashMap::new(),
            asked: vec![],
        };
        let me = Self { port, inner: Arc::new(Mutex::new(inner)) };
        let provider = me.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(provider.clone().serve(stream));
            }
        });
        me
    }
    pub fn issuer(&self) -> String {
        format!("http://127.0.0.1:{}/realm", self.port)
    }
    /// The settings that name it.
    pub fn config(&self, more: Value) -> Value {
        let mut config = json!({ "issuer_url": self.issuer(), "client_id": CLIENT, "client_secret": SECRET });
        for (name, value) in more.as_object().unwrap() {
            config[name] = value.clone();
        }
        config
    }
    /// Its tokens are wrong in this way from now on.
    pub fn twist(&self, twist: Option<Twist>) {
        self.inner.lock().unwrap().twist = twist;
    }
    /// A member of its discovery document is so from now on; null: as it should be.
    pub fn describe(&self, name: &'static str, value: Value) {
        let document = &mut self.inner.lock().unwrap().document;
        if value.is_null() {
            document.remove(name)
        } else {
            document.insert(name, value)
        };
    }
    /// What it tells besides, of whoever asks.
    pub fn userinfo(&self, claims: Value) {
        self.inner.lock().unwrap().userinfo = Some(claims);
    }
    /// It signs with another key from now on.
    pub fn rotate(&self, kid: &str, key: SigningKey) {
        let mut inner = self.inner.lock().unwrap();
        (inner.kid, inner.key) = (kid.into(), key);
    }
    /// How often a path was asked.
    pub fn asked(&self, path: &str) -> usize {
        self.inner.lock().unwrap().asked.iter().filter(|p| *p == path).count()
    }
    /// Somebody signs in where the browser was sent to; what the browser brings back: the code.
    pub fn sign_in(&self, authorization_url: &str, claims: Value) -> String {
        let url = Url::parse(authorization_url).unwrap();
        assert_eq!(url.path(), "/realm/auth");
        let query: HashMap<String, String> = url.query_pairs().into_owned().collect();
        assert_eq!((&*query["response_type"], &*query["code_challenge_method"]), ("code", "S256"));
        assert_eq!(query["client_id"], CLIENT);
        let code = format!("code-{}", unique());
        self.inner.lock().unwrap().granted.insert(code.clone(), Granted { query, claims, used: false });
        code
    }

    async fn serve(self, mut stream: TcpStream) {
        let (mut bytes, mut buffer) = (vec![], [0; 4096]);
        let (head, body) = loop {
            match stream.read(&mut buffer).await {
                Ok(n) if n > 0 => bytes.extend_from_slice(&buffer[..n]),
                _ => return,
            }
            if let Some(parts) = parsed(&bytes) {
                break parts;
            }
        };
        let (status, answer) = self.answer(&head, &body);
        let text = answer.to_string();
        let answer = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{text}",
            text.len()
        );
        let _ = stream.write_all(answer.as_bytes()).await;
    }
    fn answer(&self, head: &str, body: &str) -> (u16, Value) {
        let path = head.split(' ').nth(1).unwrap_or_default();
        let path = path.strip_prefix("/realm").unwrap_or("/elsewhere");
        let header = |name: &str| {
            let line = head.lines().find(|l| l.to_lowercase().starts_with(&format!("{name}: ")));
            line.and_then(|l| l.split_once(": ")).map(|(_, v)| v.to_owned()).unwrap_or_default()
        };
        let mut inner = self.inner.lock().unwrap();
        inner.asked.push(path.to_owned());
        match path {
            "/.well-known/openid-configuration" => (200, self.described(&inner)),
            "/jwks" => (200, json!({ "keys": [{ "kty": "new" }, inner.key.jwk(&inner.kid)] })),
            "/token" => inner.token(&self.issuer(), &header("authorization"), body),
            "/userinfo" if header("authorization") == "Bearer at" => match &inner.userinfo {
                Some(claims) => (200, claims.clone()),
                None => (200, json!({ "sub": "nobody" })),
            },
            _ => (404, json!({})),
        }
    }
    fn described(&self, inner: &Inner) -> Value {
        let at = |path: &str| format!("{}/{path}", self.issuer());
        let mut document = json!({
            "issuer": self.issuer(), "authorization_endpoint": at("auth"), "token_endpoint": at("token"), "jwks_uri": at("jwks"),
            "userinfo_endpoint": at("userinfo"),
        });
        for (name, value) in &inner.document {
            document[*name] = value.clone();
        }
        document
    }
}
impl Inner {
    fn token(&mut self, issuer: &str, authorization: &str, body: &str) -> (u16, Value) {
        let form: HashMap<String, String> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
        let text = |name: &str| form.get(name).cloned().unwrap_or_default();
        if authorization != format!("Basic {}", STANDARD.encode(format!("{CLIENT}:{SECRET}"))) {
            return (401, json!({ "error": "invalid_client" }));
        }
        let Some(granted) = self.granted.get_mut(&text("code")).filter(|g| !g.used) else {
            return (400, json!({ "error": "invalid_grant" }));
        };
        granted.used = true;
        let challenge = URL_SAFE_NO_PAD.encode(portcullis_crypto::sha256(text("code_verifier").as_bytes()));
        let fits =
            challenge == granted.query["code_challenge"] && text("redirect_uri") == granted.query["redirect_uri"];
        if !fits || text("grant_type") != "authorization_code" {
            return (400, json!({ "error": "invalid_grant" }));
        }
        let mut claims = granted.claims.clone();
        for (name, value) in [("iss", json!(issuer)), ("aud", json!(CLIENT)), ("nonce", json!(granted.query["nonce"]))]
        {
            claims[name] = value;
        }
        let mut header = json!({ "alg": self.key.algorithm(), "kid": self.kid, "typ": "JWT" });
        match &self.twist {
            Some(Twist::Claim(name, Value::Null)) => drop(claims.as_object_mut().unwrap().remove(*name)),
            Some(Twist::Claim(name, value)) => claims[*name] = value.clone(),
            Some(Twist::Header(name, value)) => header[*name] = value.clone(),
            Some(Twist::Unsigned) => header["alg"] = json!("none"),
            Some(Twist::SharedSecret) => header["alg"] = json!("HS256"),
            Some(Twist::Forged) | None => {}
            Some(Twist::NoToken) => return (200, json!({ "access_token": "at", "token_type": "Bearer" })),
        }
        let encode = |v: &Value| URL_SAFE_NO_PAD.encode(v.to_string());
        let signed = format!("{}.{}", encode(&header), encode(&claims));
        let signature = match &self.twist {
            Some(Twist::Unsigned) => vec![],
            Some(Twist::SharedSecret) => {
                portcullis_crypto::hmac_sha256(&self.key.public(), &[signed.as_bytes()]).to_vec()
            }
            Some(Twist::Forged) => SigningKey::ed().sign(signed.as_bytes()),
            _ => self.key.sign(signed.as_bytes()),
        };
        let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature));
        (200, json!({ "id_token": token, "access_token": "at", "token_type": "Bearer" }))
    }
}

/// Head and body, once both are there.
fn parsed(bytes: &[u8]) -> Option<(String, String)> {
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).unwrap();
    let length =
        head.lines().find_map(|l| l.to_lowercase().strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    let body = bytes.get(end + 4..end + 4 + length)?;
    Some((head.to_owned(), String::from_utf8(body.to_vec()).unwrap()))
}
