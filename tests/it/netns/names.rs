//! A name server for one test: A and AAAA records from a table, which may change with every
//! question. As much of DNS (RFC 1035) as the system's resolver needs to be content.

use std::collections::HashMap;
use std::net::{IpAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::thread;

/// Names with what they lead to; each question of a kind moves on to the next answer, and the
/// last one stays. A name without an answer leads to silence.
pub(super) type Zone = HashMap<String, Vec<Vec<IpAddr>>>;

/// What `/etc/resolv.conf` has to say to reach it.
pub(super) const ADDRESS: &str = "127.0.0.53";
const A: u16 = 1;
const AAAA: u16 = 28;
const HEAD_BYTES: usize = 12;

/// The server. It ends with the process.
pub(super) struct Names {
    asked: Arc<Mutex<HashMap<(String, u16), usize>>>,
}

impl Names {
    pub(super) fn start(zone: Zone) -> Self {
        let asked = Arc::new(Mutex::new(HashMap::new()));
        let socket = UdpSocket::bind((ADDRESS, 53)).unwrap();
        let count = Arc::clone(&asked);
        thread::spawn(move || {
            let mut buffer = [0; 1500];
            while let Ok((size, from)) = socket.recv_from(&mut buffer) {
                let Some(question) = Question::read(&buffer[..size]) else { continue };
                let turn = {
                    let mut asked = count.lock().unwrap();
                    let times = asked.entry((question.name.clone(), question.kind)).or_insert(0);
                    *times += 1;
                    *times - 1
                };
                let answer = match zone.get(&question.name) {
                    Some(turns) if turns.is_empty() => continue,
                    Some(turns) => turns.get(turn).or_else(|| turns.last()),
                    None => None,
                };
                socket.send_to(&question.answer(answer.map(Vec::as_slice)), from).unwrap();
            }
        });
        Self { asked }
    }

    /// How often the IPv4 address of `name` was asked for.
    pub(super) fn asked(&self, name: &str) -> usize {
        self.asked.lock().unwrap().get(&(name.to_owned(), A)).copied().unwrap_or(0)
    }
}

struct Question {
    id: [u8; 2],
    /// As it came, to be sent back.
    bytes: Vec<u8>,
    name: String,
    kind: u16,
}

impl Question {
    fn read(packet: &[u8]) -> Option<Self> {
        let id = [*packet.first()?, *packet.get(1)?];
        let mut labels = Vec::new();
        let mut at = HEAD_BYTES;
        loop {
            let size = usize::from(*packet.get(at)?);
            at += 1;
            if size == 0 {
                break;
            }
            labels.push(String::from_utf8_lossy(packet.get(at..at + size)?).to_lowercase());
            at += size;
        }
        let kind = u16::from_be_bytes([*packet.get(at)?, *packet.get(at + 1)?]);
        let bytes = packet.get(HEAD_BYTES..at + 4)?.to_vec();
        Some(Self { id, bytes, name: labels.join("."), kind })
    }

    /// `None` is a name that does not exist.
    fn answer(&self, found: Option<&[IpAddr]>) -> Vec<u8> {
        let records: Vec<_> =
            found.unwrap_or_default().iter().filter_map(|ip| self.record(*ip)).collect();
        let code = if found.is_some() { 0x80 } else { 0x83 };
        let count = u8::try_from(records.len()).unwrap();
        let head = [0x81, code, 0, 1, 0, count, 0, 0, 0, 0];
        [&self.id[..], &head, &self.bytes, &records.concat()].concat()
    }

    /// The record of an address, if it is of the kind that was asked for; kept for no time.
    fn record(&self, address: IpAddr) -> Option<Vec<u8>> {
        let (kind, data) = match address {
            IpAddr::V4(v4) => (A, v4.octets().to_vec()),
            IpAddr::V6(v6) => (AAAA, v6.octets().to_vec()),
        };
        let size = u8::try_from(data.len()).unwrap();
        // A pointer to the name in the question, the kind, class IN, no time, the length.
        let fixed = [0xc0, 12, 0, u8::try_from(kind).unwrap(), 0, 1, 0, 0, 0, 0, 0, size];
        (kind == self.kind).then(|| [&fixed[..], &data].concat())
    }
}
