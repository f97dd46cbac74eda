//! What the guard refuses and lets pass: a table of single addresses, then generated ones.

use proptest::prelude::*;

use super::*;

const REFUSED: &[(&str, &str)] = &[
    ("0.0.0.0", "this network"),
    ("0.255.255.255", "this network"),
    ("10.0.0.5", "private"),
    ("10.255.255.255", "private"),
    ("100.64.0.1", "carrier-grade"),
    ("100.127.255.255", "carrier-grade"),
    ("100.100.100.200", "metadata"),
    ("127.0.0.1", "loopback"),
    ("127.255.255.254", "loopback"),
    ("168.63.129.16", "platform"),
    ("169.254.0.1", "link-local"),
    ("169.254.169.254", "metadata"),
    ("172.16.0.1", "private"),
    ("172.31.255.255", "private"),
    ("192.0.0.1", "IETF"),
    ("192.0.0.192", "metadata"),
    ("192.0.2.1", "documentation"),
    ("192.88.99.1", "6to4"),
    ("192.168.0.1", "private"),
    ("192.168.255.255", "private"),
    ("198.18.0.1", "benchmarks"),
    ("198.19.255.255", "benchmarks"),
    ("198.51.100.7", "documentation"),
    ("203.0.113.7", "documentation"),
    ("224.0.0.1", "multicast"),
    ("239.255.255.255", "multicast"),
    ("240.0.0.1", "reserved"),
    ("255.255.255.254", "reserved"),
    ("255.255.255.255", "broadcast"),
    ("::", "unspecified"),
    ("::1", "loopback"),
    ("::2", "IPv4-compatible"),
    ("::8.8.8.8", "IPv4-compatible"),
    ("::ffff:127.0.0.1", "loopback"),
    ("::ffff:169.254.169.254", "metadata"),
    ("::ffff:0:8.8.8.8", "global unicast"),
    ("::ffff:0:10.0.0.1", "global unicast"),
    ("64:ff9b::10.0.0.1", "carries 10.0.0.1, a private"),
    ("64:ff9b::127.0.0.1", "carries 127.0.0.1, a loopback"),
    ("64:ff9b:1::8.8.8.8", "local NAT64"),
    ("64:ff9b:1:ffff::", "local NAT64"),
    ("64:ff9b:2::", "global unicast"),
    ("100::1", "discard"),
    ("100:0:0:1::", "global unicast"),
    ("2001::1", "Teredo"),
    ("2001:2::1", "IETF"),
    ("2001:10::1", "ORCHID"),
    ("2001:2f:ffff::1", "ORCHIDv2"),
    ("2001:1ff:ffff::1", "IETF"),
    ("2001:db8::1", "documentation"),
    ("2002:808:808::1", "6to4"),
    ("2600:1::5efe:8.8.8.8", "ISATAP"),
    ("2600:1::200:5efe:8.8.8.8", "ISATAP"),
    ("3fff:fff::1", "documentation"),
    ("4000::1", "global unicast"),
    ("5f00::1", "global unicast"),
    ("fc00::1", "unique local"),
    ("fd00:ec2::254", "metadata"),
    ("fd20:ce::254", "metadata"),
    ("fdff:ffff::1", "unique local"),
    ("fe80::1", "link-local"),
    ("febf::1", "link-local"),
    ("fec0::1", "site-local"),
    ("ff02::1", "multicast"),
];

const PERMITTED: &[&str] = &[
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "169.253.255.255",
    "169.255.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "192.0.3.0",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "2001:200::1",
    "2001:4860:4860::8888",
    "2003::1",
    "2600:1::5eff:808:808",
    "2606:4700:4700::1111",
    "3ffe::1",
    "3fff:1000::1",
];

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn allowing(nets: &[&str]) -> Policy {
    let allow = nets.iter().map(|net| net.parse().unwrap()).collect();
    Policy { allow, ..Policy::default() }
}

#[test]
fn special_addresses_are_refused_with_the_name_of_their_range() {
    for (text, reason) in REFUSED {
        let refusal = judge(address(text), &Policy::default()).expect_err(text).to_string();
        assert!(refusal.contains(reason), "{text}: {refusal}");
    }
}

#[test]
fn public_addresses_pass() {
    for text in PERMITTED {
        assert_eq!(judge(address(text), &Policy::default()), Ok(()), "{text}");
    }
}

#[test]
fn a_refusal_tells_how_to_allow() {
    let refusal = judge(address("10.0.0.5"), &Policy::default()).unwrap_err();
    let expected = "10.0.0.5 is a private address (10.0.0.0/8); allow it with egress.allow";
    assert_eq!(refusal.to_string(), expected);
    let refusal = judge(address("64:ff9b::10.0.0.5"), &Policy::default()).unwrap_err();
    let expected = "64:ff9b::a00:5 carries 10.0.0.5, a private address (10.0.0.0/8); \
                    allow it with egress.allow";
    assert_eq!(refusal.to_string(), expected);
}

#[test]
fn an_allowed_network_passes_and_its_neighbour_does_not() {
    let policy = allowing(&["10.1.0.0/16", "fd12::/16"]);
    for text in ["10.1.0.1", "::ffff:10.1.0.1", "fd12::1"] {
        assert_eq!(judge(address(text), &policy), Ok(()), "{text}");
    }
    for text in ["10.2.0.1", "::ffff:10.2.0.1", "fd13::1", "127.0.0.1"] {
        assert!(judge(address(text), &policy).is_err(), "{text}");
    }
}

#[test]
fn an_allowed_ipv4_network_opens_no_tunnel_to_it() {
    let policy = allowing(&["10.0.0.0/8"]);
    for text in ["64:ff9b::10.0.0.1", "::10.0.0.1", "2002:a00:1::", "2600:1::5efe:10.0.0.1"] {
        assert!(judge(address(text), &policy).is_err(), "{text}");
    }
}

#[test]
fn all_of_ipv6_does_not_include_mapped_ipv4() {
    assert!(judge(address("::ffff:127.0.0.1"), &allowing(&["::/0"])).is_err());
}

#[test]
fn loopback_is_allowed_by_its_own_switch() {
    let policy = Policy { allow_loopback: true, ..Policy::default() };
    for text in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
        assert_eq!(judge(address(text), &policy), Ok(()), "{text}");
    }
    assert!(judge(address("64:ff9b::127.0.0.1"), &policy).is_err());
    assert!(judge(address("10.0.0.1"), &policy).is_err());
}

/// Any address of any refused IPv4 range.
fn refused_v4() -> impl Strategy<Value = Ipv4Addr> {
    (0..V4_REFUSED.len(), any::<u32>()).prop_map(|(row, host)| {
        let (range, _) = V4_REFUSED[row];
        Ipv4Addr::from(u32::from(range.network()) | (host & u32::from(range.hostmask())))
    })
}

/// Every form in which an IPv6 address carries `v4`; `noise` fills what the form leaves open.
fn carriers(v4: Ipv4Addr, noise: u128) -> Vec<Ipv6Addr> {
    let bits = u128::from(u32::from(v4));
    let prefix = |groups: [u16; 4]| {
        let [a, b, c, d] = groups;
        u128::from(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
    };
    let site = prefix([0x2600, 0x1f18, 0, 0]) | (noise & 0xffff_ffff) << 64;
    let forms = [
        bits,
        0xffff << 32 | bits,
        0xffff << 48 | bits,
        prefix([0x64, 0xff9b, 0, 0]) | bits,
        prefix([0x64, 0xff9b, 1, 0]) | (noise & 0xffff) << 64 | bits,
        prefix([0x64, 0xff9b, 1, 0]) | bits << 48 | (noise & 0xffff_ffff),
        prefix([0x2002, 0, 0, 0]) | bits << 80 | (noise >> 48),
        prefix([0x2001, 0, 0, 0]) | bits << 64 | (noise & 0xffff_ffff_ffff_ffff),
        prefix([0x2001, 0, 0, 0]) | (noise >> 96) << 64 | (bits ^ 0xffff_ffff),
        site | 0x5efe << 32 | bits,
        site | 0x0200_5efe << 32 | bits,
    ];
    forms.map(Ipv6Addr::from).to_vec()
}

proptest! {
    #[test]
    fn no_refused_ipv4_address_passes_in_any_form(v4 in refused_v4(), noise in any::<u128>()) {
        prop_assert!(judge(IpAddr::V4(v4), &Policy::default()).is_err());
        for v6 in carriers(v4, noise) {
            prop_assert!(judge(IpAddr::V6(v6), &Policy::default()).is_err(), "{} in {}", v4, v6);
        }
    }

    #[test]
    fn what_passes_in_ipv6_is_global_unicast_or_public_ipv4(bits in any::<u128>()) {
        let v6 = Ipv6Addr::from(bits);
        let public = GLOBAL_UNICAST.contains(&v6) || NAT64.contains(&v6);
        prop_assert!(public || judge(IpAddr::V6(v6), &Policy::default()).is_err());
    }
}
