//! A browser without JavaScript, as far as the pages need one: cookies, links and forms.
use url::form_urlencoded;

use super::{Answer, Client, PASSWORD, World};

/// Where the pages say that they are.
pub const HERE: &str = "http://localhost:7400";

/// Somebody who looks at pages.
#[derive(Clone)]
pub struct Browser {
    pub client: Client,
}
impl Browser {
    /// One that was never here.
    pub fn new(w: &World) -> Self {
        Self { client: w.anonymous() }
    }
    /// One in which somebody has signed in, in both steps.
    pub async fn of(w: &World, email: &str) -> Self {
        let mut b = Self::new(w);
        let form = [("email", email), ("password", PASSWORD)];
        b.form("/sign-in", &form).await.leads_to("/account");
        b
    }
    pub async fn get(&self, path: &str) -> Answer {
        self.client.get(path).await
    }
    /// Sends a form of a page of ours; takes the cookie that comes back.
    pub async fn form(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let answer = send(&self.client.with("origin", HERE), path, fields).await;
        self.take(&answer);
        answer
    }
    /// Goes where a link leads; takes the cookies that come back.
    pub async fn follow(&mut self, path: &str) -> Answer {
        let answer = self.client.get(path).await;
        self.take(&answer);
        answer
    }
    /// Takes the cookies of an answer.
    pub fn take(&mut self, answer: &Answer) {
        let mut kept: Vec<String> = self.cookies().split("; ").filter(|c| !c.is_empty()).map(str::to_owned).collect();
        for (_, set) in answer.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case("set-cookie")) {
            let (name, value) = set.split(';').next().unwrap().split_once('=').unwrap();
            kept.retain(|c| c.split_once('=').is_none_or(|(n, _)| n != name));
            if !value.is_empty() {
                kept.push(format!("{name}={value}"));
            }
        }
        self.client =
            if kept.is_empty() { self.client.without("cookie") } else { self.client.with("cookie", kept.join("; ")) };
    }
    /// The cookies that it sends.
    pub fn cookies(&self) -> &str {
        let (_, headers) = self.client.parts();
        headers.iter().find(|(n, _)| n == "cookie").map(|(_, v)| v.as_str()).unwrap_or_default()
    }
    /// Sends a form with a file.
    pub async fn upload(&self, path: &str, name: &str, file: &[u8]) -> Answer {
        let head = format!("--xx\r\ncontent-disposition: form-data; name=\"{name}\"; filename=\"f\"\r\n\r\n");
        let body = [head.as_bytes(), file, b"\r\n--xx--\r\n"].concat();
        let by = self.client.with("origin", HERE).with("content-type", "multipart/form-data; boundary=xx");
        by.send("POST", path, &body).await
    }
}
/// Sends a form as this caller, whatever page it says to be from.
pub async fn send(by: &Client, path: &str, fields: &[(&str, &str)]) -> Answer {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    by.with("content-type", "application/x-www-form-urlencoded").send("POST", path, body.as_bytes()).await
}

impl Answer {
    /// A page of this status; its text.
    #[track_caller]
    pub fn page(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), Some("text/html; charset=utf-8"));
        self.text()
    }
    /// A 303 to there.
    #[track_caller]
    pub fn leads_to(&self, path: &str) {
        assert_eq!((self.status, self.header("location")), (303, Some(path)), "{}", self.text());
    }
}
/// The value of a field of a page.
#[track_caller]
pub fn value(page: &str, name: &str) -> String {
    let at = page.find(&format!("name=\"{name}\"")).unwrap_or_else(|| panic!("no field {name}: {page}"));
    let rest = &page[at..page[at..].find('>').map_or(page.len(), |end| at + end)];
    rest.split_once("value=\"").and_then(|(_, v)| v.split_once('"')).map(|(v, _)| v.to_owned()).unwrap_or_default()
}
/// The secret that a page shows once.
#[track_caller]
pub fn secret(page: &str) -> &str {
    let at = page.split_once("id=\"secret\"").unwrap_or_else(|| panic!("no secret: {page}")).1;
    at.split_once('>').unwrap().1.split('<').next().unwrap()
}
