//! A private server that speaks S3 (moto, of the Python package index), in memory, on a free port of loopback.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::postgres::free_port;
use crate::tools;

/// It starts within two seconds; a busy machine may take its time.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server with one bucket; it stops when it is dropped.
pub struct Bucket {
    port: u16,
    process: Child,
}

impl Bucket {
    /// Starts one, with its output below `folder`.
    pub fn start(folder: &Path) -> Result<Self, String> {
        let program = tools::python()?.join("bin/moto_server");
        let (port, log) = (free_port()?, folder.join("moto.log"));
        let told = |error: std::io::Error| format!("{}: {error}", log.display());
        let out = File::create(&log).map_err(told)?;
        let process = Command::new(&program)
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdin(Stdio::null())
            .stderr(out.try_clone().map_err(told)?)
            .stdout(out)
            .spawn()
            .map_err(|error| format!("{}: {error}", program.display()))?;
        let mut bucket = Self { port, process };
        let begun = Instant::now();
        while !bucket.is_made() {
            let ended = bucket.process.try_wait().map_err(|error| error.to_string())?;
            if ended.is_some() || begun.elapsed() > PATIENCE {
                let said = std::fs::read_to_string(&log).unwrap_or_default();
                return Err(format!("the private S3 server did not start: {said}"));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(bucket)
    }

    /// Its address, as a service has it in its settings; a prefix may follow the name of the bucket.
    pub fn url(&self) -> String {
        format!(
            "s3://key:secret@photos?region=eu-central-1&endpoint=http%3A%2F%2F127.0.0.1%3A{}",
            self.port
        )
    }

    /// Makes the bucket; false as long as nobody answers.
    fn is_made(&self) -> bool {
        let ask = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
            stream.set_read_timeout(Some(Duration::from_secs(5)))?;
            // The server asks for the form of a signature and checks none.
            write!(
                stream,
                "PUT /photos HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nAuthorization: AWS4-HMAC-SHA256 \
                 Credential=key/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0\r\n\
                 Content-Length: 0\r\nConnection: close\r\n\r\n",
                self.port
            )?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        };
        ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        let _ended_before = self.process.kill();
        let _nothing_left = self.process.wait();
    }
}
