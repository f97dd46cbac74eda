//! Which addresses may be dialled: a pure decision over one address and the operator's policy.
//!
//! Refused is everything that is not plainly a host of the public Internet: the ranges of the
//! IANA special-purpose registries, cloud metadata, and every way to carry such an IPv4 address
//! inside an IPv6 one. What lies outside the tables and outside `2000::/3` is refused too, so a
//! range that is given a meaning tomorrow is closed today. A network-specific NAT64 prefix cannot
//! be recognised by its bits; a network that runs one has to filter behind it.
//!
//! Called when a URL is saved (literal addresses) and for every address about to be dialled.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// What an operator permits beyond `https` to public addresses; the default permits nothing.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Networks that may be dialled whatever they are. An IPv4-mapped IPv6 address is taken as
    /// the IPv4 address it stands for.
    pub allow: Vec<IpNet>,
    /// Whether `http` without TLS may be used.
    pub allow_http: bool,
    /// Whether `127.0.0.0/8` and `::1` may be dialled.
    pub allow_loopback: bool,
}

impl Policy {
    fn allows(&self, address: IpAddr) -> bool {
        (self.allow_loopback && address.is_loopback())
            || self.allow.iter().any(|net| net.contains(&address))
    }
}

/// Why an address is not dialled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    address: IpAddr,
    carried: Option<Ipv4Addr>,
    what: &'static str,
    range: Option<IpNet>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.carried {
            None => write!(f, "{} is ", self.address)?,
            Some(carried) => write!(f, "{} carries {carried}, ", self.address)?,
        }
        f.write_str(self.what)?;
        if let Some(range) = self.range {
            write!(f, " ({range})")?;
        }
        f.write_str("; allow it with egress.allow")
    }
}

impl std::error::Error for Refusal {}

/// Decides whether `address` may be dialled.
///
/// # Errors
///
/// [`Refusal`], with the range that the address lies in.
pub fn judge(address: IpAddr, policy: &Policy) -> Result<(), Refusal> {
    let address = address.to_canonical();
    if policy.allows(address) {
        return Ok(());
    }
    let refusal = match address {
        IpAddr::V4(v4) => refuse_v4(v4),
        IpAddr::V6(v6) => refuse_v6(v6),
    };
    refusal.map_or(Ok(()), Err)
}

fn refuse_v4(address: Ipv4Addr) -> Option<Refusal> {
    let (range, what) = V4_REFUSED.iter().find(|(range, _)| range.contains(&address))?;
    let range = Some(IpNet::V4(*range));
    Some(Refusal { address: IpAddr::V4(address), carried: None, what, range })
}

fn refuse_v6(v6: Ipv6Addr) -> Option<Refusal> {
    let address = IpAddr::V6(v6);
    if NAT64.contains(&v6) {
        // The translator dials the carried address from where it stands, which is not where our
        // policy was written for: only public addresses may pass it.
        let [.., a, b, c, d] = v6.octets();
        let carried = Ipv4Addr::new(a, b, c, d);
        let refusal = refuse_v4(carried)?;
        return Some(Refusal { address, carried: Some(carried), ..refusal });
    }
    if let Some((range, what)) = V6_REFUSED.iter().find(|(range, _)| range.contains(&v6)) {
        return Some(Refusal { address, carried: None, what, range: Some(IpNet::V6(*range)) });
    }
    // ISATAP marks the interface identifier, with the "universal" bit set or not, in any prefix.
    let [.., marker_high, marker_low, _, _] = v6.segments();
    let isatap = matches!(marker_high, 0x0000 | 0x0200) && marker_low == 0x5efe;
    let what = if !GLOBAL_UNICAST.contains(&v6) {
        "outside of global unicast (2000::/3)"
    } else if isatap {
        "an ISATAP tunnel to an IPv4 address"
    } else {
        return None;
    };
    Some(Refusal { address, carried: None, what, range: None })
}

const fn v4(a: u8, b: u8, c: u8, d: u8, bits: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), bits)
}

/// An IPv6 range by its first four groups; the rest are zero.
const fn v6(first: [u16; 4], bits: u8) -> Ipv6Net {
    let [a, b, c, d] = first;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0), bits)
}

const GLOBAL_UNICAST: Ipv6Net = v6([0x2000, 0, 0, 0], 3);
/// The well-known NAT64 prefix (RFC 6052): the way to IPv4 hosts on networks without IPv4.
const NAT64: Ipv6Net = v6([0x64, 0xff9b, 0, 0], 96);

/// IANA IPv4 Special-Purpose Address Registry, with the names operators know. Narrow ranges stand
/// before the wide ones they lie in, so that the more telling name is given.
const V4_REFUSED: [(Ipv4Net, &str); 20] = [
    (v4(0, 0, 0, 0, 8), "an address of \"this network\""),
    (v4(10, 0, 0, 0, 8), "a private address"),
    (v4(100, 100, 100, 200, 32), "a cloud metadata address"),
    (v4(100, 64, 0, 0, 10), "a carrier-grade NAT address"),
    (v4(127, 0, 0, 0, 8), "a loopback address"),
    (v4(168, 63, 129, 16, 32), "a cloud platform address"),
    (v4(169, 254, 169, 254, 32), "a cloud metadata address"),
    (v4(169, 254, 0, 0, 16), "a link-local address"),
    (v4(172, 16, 0, 0, 12), "a private address"),
    (v4(192, 0, 0, 192, 32), "a cloud metadata address"),
    (v4(192, 0, 0, 0, 24), "an address of IETF protocols"),
    (v4(192, 0, 2, 0, 24), "an address for documentation"),
    (v4(192, 88, 99, 0, 24), "a former 6to4 relay address"),
    (v4(192, 168, 0, 0, 16), "a private address"),
    (v4(198, 18, 0, 0, 15), "an address for benchmarks"),
    (v4(198, 51, 100, 0, 24), "an address for documentation"),
    (v4(203, 0, 113, 0, 24), "an address for documentation"),
    (v4(224, 0, 0, 0, 4), "a multicast address"),
    (v4(255, 255, 255, 255, 32), "the broadcast address"),
    (v4(240, 0, 0, 0, 4), "a reserved address"),
];

/// IANA IPv6 Special-Purpose Address Registry, and metadata; narrow ranges first, as above.
const V6_REFUSED: [(Ipv6Net, &str); 18] = [
    (Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 128), "the unspecified address"),
    (Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128), "a loopback address"),
    (v6([0, 0, 0, 0], 96), "an IPv4-compatible address"),
    (v6([0x64, 0xff9b, 1, 0], 48), "an address of local NAT64"),
    (v6([0x100, 0, 0, 0], 64), "a discard address"),
    (v6([0x2001, 0, 0, 0], 32), "a Teredo tunnel to an IPv4 address"),
    (v6([0x2001, 0x10, 0, 0], 28), "an ORCHID identifier"),
    (v6([0x2001, 0x20, 0, 0], 28), "an ORCHIDv2 identifier"),
    (v6([0x2001, 0, 0, 0], 23), "an address of IETF protocols"),
    (v6([0x2001, 0xdb8, 0, 0], 32), "an address for documentation"),
    (v6([0x2002, 0, 0, 0], 16), "a 6to4 tunnel to an IPv4 address"),
    (v6([0x3fff, 0, 0, 0], 20), "an address for documentation"),
    (METADATA_AWS, "a cloud metadata address"),
    (METADATA_GOOGLE, "a cloud metadata address"),
    (v6([0xfc00, 0, 0, 0], 7), "a unique local address"),
    (v6([0xfe80, 0, 0, 0], 10), "a link-local address"),
    (v6([0xfec0, 0, 0, 0], 10), "a site-local address"),
    (v6([0xff00, 0, 0, 0], 8), "a multicast address"),
];
const METADATA_AWS: Ipv6Net =
    Ipv6Net::new_assert(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), 128);
const METADATA_GOOGLE: Ipv6Net =
    Ipv6Net::new_assert(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254), 128);

#[cfg(test)]
#[path = "guard_tests.rs"]
mod tests;
