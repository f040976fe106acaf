//! A TCP proxy that disturbs one request: the faults that a network and a crash make.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What happens to the first request that contains the pattern. The proxy passes on everything else.
pub enum Fault {
    /// The request never arrives; the connection is cut.
    Request,
    /// The request arrives and is answered, and the answer never does; the connection is cut.
    Answer,
    /// The connection is cut, and the request arrives later, when told.
    Late(Receiver<()>),
}

/// The next fault, with what the request contains that meets it.
type Armed = Mutex<Option<(Vec<u8>, Fault)>>;

/// Where to connect to instead of the server.
pub struct Proxy {
    pub port: u16,
    armed: Arc<Armed>,
    open: Arc<AtomicUsize>,
}

impl Proxy {
    /// Stands before the server at this port of this machine. Its thread ends with the test program.
    pub fn before(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let armed = Arc::new(Mutex::new(None));
        let open = Arc::new(AtomicUsize::new(0));
        let (shared, count) = (Arc::clone(&armed), Arc::clone(&open));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else { continue };
                let (armed, count) = (Arc::clone(&shared), Arc::clone(&count));
                count.fetch_add(1, Ordering::SeqCst);
                thread::spawn(move || {
                    pass(&client, &server, &armed);
                    count.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { port, armed, open }
    }

    /// The next request with this in it meets this fault.
    pub fn arm(&self, pattern: &[u8], fault: Fault) {
        *self.armed.lock().unwrap() = Some((pattern.to_vec(), fault));
    }

    /// As [`Self::arm`] with [`Fault::Late`]; what is sent on the channel lets the request go.
    pub fn arm_late(&self, pattern: &[u8]) -> Sender<()> {
        let (tell, told) = channel();
        self.arm(pattern, Fault::Late(told));
        tell
    }

    /// Waits until no connection is open and everything that was sent has been answered.
    pub fn wait_until_quiet(&self) {
        while self.open.load(Ordering::SeqCst) > 0 {
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Whether the fault has happened (or none was armed).
    pub fn is_spent(&self) -> bool {
        self.armed.lock().unwrap().is_none()
    }
}

/// Passes one connection's bytes on, both ways.
fn pass(client: &TcpStream, server: &TcpStream, armed: &Armed) {
    let (from_server, to_client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    // The next answer is lost.
    let lose = Arc::new(AtomicBool::new(false));
    let shared = Arc::clone(&lose);
    let (tell_answered, answered) = channel();
    let answers = thread::spawn(move || {
        copy(&from_server, |bytes| {
            let _ = tell_answered.send(());
            if shared.load(Ordering::SeqCst) {
                return Err(std::io::ErrorKind::ConnectionAborted.into());
            }
            (&to_client).write_all(bytes)
        });
        let _ = to_client.shutdown(Shutdown::Both);
    });
    copy(client, |bytes| {
        let fault = {
            let mut armed = armed.lock().unwrap();
            let met = armed.as_ref().is_some_and(|(pattern, _)| bytes.windows(pattern.len()).any(|w| w == pattern));
            if met { armed.take().map(|(_, fault)| fault) } else { None }
        };
        match fault {
            None => (&*server).write_all(bytes),
            Some(Fault::Request) => Err(std::io::ErrorKind::ConnectionAborted.into()),
            Some(Fault::Answer) => {
                lose.store(true, Ordering::SeqCst);
                (&*server).write_all(bytes)
            }
            Some(Fault::Late(told)) => {
                client.shutdown(Shutdown::Both)?;
                let _ = told.recv();
                while answered.try_recv().is_ok() {}
                (&*server).write_all(bytes)?;
                let _ = answered.recv_timeout(Duration::from_secs(30));
                Ok(())
            }
        }
    });
    let _ = server.shutdown(Shutdown::Write);
    let _ = client.shutdown(Shutdown::Both);
    let _ = answers.join();
}

fn copy(mut from: &TcpStream, mut to: impl FnMut(&[u8]) -> std::io::Result<()>) {
    let mut bytes = [0; 16 << 10];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        if to(&bytes[..count]).is_err() {
            return;
        }
    }
}
