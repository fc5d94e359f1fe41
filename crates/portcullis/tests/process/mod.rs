//! The built binary as a child process, and calls to it.
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

fn command(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    // what is set where the tests run must not reach the server
    command.args(args).current_dir(dir).env_clear().env("PORTCULLIS_METRICS__LISTEN", "127.0.0.1:0");
    command
}

/// Runs to the end: exit code, standard output, standard error.
pub fn portcullis(dir: &Path, args: &[&str]) -> (i32, String, String) {
    portcullis_with(dir, args, &[])
}
/// The same with these settings.
pub fn portcullis_with(dir: &Path, args: &[&str], settings: &[(&str, &str)]) -> (i32, String, String) {
    let done = command(dir, args).envs(settings.iter().copied()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (done.status.code().unwrap_or(-1), text(done.stdout), text(done.stderr))
}

pub fn chmod_600(path: &Path) {
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
}

/// A server that is killed with its test.
pub struct Serving {
    child: Child,
    out: BufReader<ChildStdout>,
    /// What it said first.
    pub ready: Value,
}

impl Serving {
    /// `dev --json` in `data` below a directory; returns when it says that it answers.
    pub fn dev(dir: &Path) -> Self {
        let mut server = Self::spawn(dir, &["dev", "--data-dir", "data", "--listen", "127.0.0.1:0", "--json"]);
        let mut line = String::new();
        server.out.read_line(&mut line).unwrap();
        server.ready = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
        server
    }
    /// `dev` for people.
    pub fn dev_for_people(dir: &Path) -> Self {
        Self::spawn(dir, &["dev", "--data-dir", "data", "--listen", "127.0.0.1:0"])
    }
    /// `dev --json` on this address, with these settings: what it wrote to standard error until it answered and ended.
    pub fn dev_stderr(dir: &Path, listen: &str, settings: &[(&str, &str)]) -> String {
        let mut command = command(dir, &["dev", "--data-dir", "data", "--listen", listen, "--json"]);
        let command = command.envs(settings.iter().copied());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut err = child.stderr.take().unwrap();
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let server = Self { child, out, ready: Value::Null };
        assert!(line.starts_with('{'), "{line}");
        assert_eq!(server.terminate().0, 0);
        let mut text = String::new();
        err.read_to_string(&mut text).unwrap();
        text
    }
    /// `serve`; returns when its log says that it serves.
    pub fn serve(dir: &Path, config: &str) -> Self {
        let args = ["serve", "--config", config, "--listen", "127.0.0.1:0"];
        let mut child = command(dir, &args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let ready = loop {
            let line = log.next().expect("the server ended").unwrap();
            let line: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
            if line["message"] == "serving" {
                break line;
            }
        };
        // a log that nobody reads must not stop the server
        std::thread::spawn(move || log.for_each(drop));
        Self { child, out, ready }
    }
    fn spawn(dir: &Path, args: &[&str]) -> Self {
        let mut child = command(dir, args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Self { child, out, ready: Value::Null }
    }
    /// Where `serve` listens.
    pub fn url(&self) -> String {
        format!("http://{}", self.ready["address"].as_str().unwrap())
    }
    /// What it prints, to the line that begins so.
    pub fn printed_until(mut self, end: &str) -> String {
        let mut text = String::new();
        while !text.lines().next_back().is_some_and(|l| l.starts_with(end)) {
            assert!(self.out.read_line(&mut text).unwrap() > 0, "it ended: {text}");
        }
        text
    }
    /// SIGTERM: exit code, how long it took, what else was on standard output.
    pub fn terminate(mut self) -> (i32, Duration, String) {
        let start = Instant::now();
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).unwrap();
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        (code, start.elapsed(), rest)
    }
}
impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One HTTP/1.0 call: status and body.
pub fn call(url: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> (u16, String) {
    let host = url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    // HTTP/1.0: the end of the body is the end of the connection
    let mut head = format!("{method} {path} HTTP/1.0\r\nHost: {host}\r\nContent-Length: {}\r\n", body.len());
    if !body.is_empty() {
        head.push_str("Content-Type: application/json\r\n");
    }
    headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
    stream.write_all(format!("{head}\r\n{body}").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
    (status, body.to_owned())
}
