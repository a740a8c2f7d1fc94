//! Which addresses the gateway may connect to: global unicast, and nothing else unless an operator opened it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::opening::Opening;

/// An IPv4 block: its first address, its prefix length, what it is.
type Block4 = (Ipv4Addr, u32, &'static str);
/// An IPv6 block, likewise.
type Block6 = (Ipv6Addr, u32, &'static str);

const DENIED_4: [Block4; 16] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8, "an unspecified address"),
    (Ipv4Addr::new(10, 0, 0, 0), 8, "a private address"),
    (Ipv4Addr::new(100, 64, 0, 0), 10, "a carrier-grade NAT address"),
    (Ipv4Addr::new(127, 0, 0, 0), 8, "a loopback address"),
    (Ipv4Addr::new(168, 63, 129, 16), 32, "a cloud provider's own address"),
    (Ipv4Addr::new(169, 254, 0, 0), 16, "a link-local or metadata address"),
    (Ipv4Addr::new(172, 16, 0, 0), 12, "a private address"),
    (Ipv4Addr::new(192, 0, 0, 0), 24, "a reserved address"),
    (Ipv4Addr::new(192, 0, 2, 0), 24, "a documentation address"),
    (Ipv4Addr::new(192, 88, 99, 0), 24, "a 6to4 relay address"),
    (Ipv4Addr::new(192, 168, 0, 0), 16, "a private address"),
    (Ipv4Addr::new(198, 18, 0, 0), 15, "a benchmarking address"),
    (Ipv4Addr::new(198, 51, 100, 0), 24, "a documentation address"),
    (Ipv4Addr::new(203, 0, 113, 0), 24, "a documentation address"),
    (Ipv4Addr::new(224, 0, 0, 0), 4, "a multicast address"),
    (Ipv4Addr::new(240, 0, 0, 0), 4, "a reserved address"),
];

/// Only 2000::/3 is global unicast; these are its parts that lead elsewhere.
const DENIED_6: [Block6; 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23, "a Teredo or special-purpose address"),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32, "a documentation address"),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16, "a 6to4 address"),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, "a documentation address"),
];

/// Outside 2000::/3 everything is denied; these only name it better than "not a public address".
const NAMED_6: [Block6; 7] = [
    (Ipv6Addr::UNSPECIFIED, 128, "an unspecified address"),
    (Ipv6Addr::LOCALHOST, 128, "a loopback address"),
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96, "an IPv4-mapped address"),
    (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 32, "a NAT64 address"),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, "a private address"),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10, "a link-local address"),
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8, "a multicast address"),
];

/// Why `ip:port` may not be connected to; `None` when it may.
///
/// An opening counts for the address as it will be dialled: one for `127.0.0.1/32` says nothing about
/// `::ffff:127.0.0.1`, which stays denied.
pub(super) fn denial(ip: IpAddr, port: u16, openings: &[Opening]) -> Option<&'static str> {
    let kind = match ip {
        IpAddr::V4(ip) => denied_4(ip),
        IpAddr::V6(ip) => denied_6(ip),
    }?;
    (!openings.iter().any(|opening| opening.covers(ip, port))).then_some(kind)
}

fn denied_4(ip: Ipv4Addr) -> Option<&'static str> {
    let within = |&&(net, prefix, _): &&Block4| (ip.to_bits() ^ net.to_bits()) >> (32 - prefix) == 0;
    DENIED_4.iter().find(within).map(|block| block.2)
}

fn denied_6(ip: Ipv6Addr) -> Option<&'static str> {
    let within = |&&(net, prefix, _): &&Block6| (ip.to_bits() ^ net.to_bits()) >> (128 - prefix) == 0;
    let segments = ip.segments();
    if segments[0] & 0xe000 != 0x2000 {
        return Some(NAMED_6.iter().find(within).map_or("not a public address", |block| block.2));
    }
    if segments[4] & 0xfdff == 0 && segments[5] == 0x5efe {
        return Some("an ISATAP address");
    }
    DENIED_6.iter().find(within).map(|block| block.2)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        let ip: IpAddr = text.parse().unwrap();
        assert_eq!(denial(ip, 443, &[]), expected, "{text}");
    }

    #[test]
    fn addresses_are_classified_at_the_edges_of_every_block() {
        for (text, expected) in [
            ("0.0.0.0", Some("an unspecified address")),
            ("0.255.255.255", Some("an unspecified address")),
            ("1.0.0.0", None),
            ("9.255.255.255", None),
            ("10.0.0.0", Some("a private address")),
            ("10.255.255.255", Some("a private address")),
            ("11.0.0.0", None),
            ("100.63.255.255", None),
            ("100.64.0.0", Some("a carrier-grade NAT address")),
            ("100.100.100.200", Some("a carrier-grade NAT address")),
            ("100.127.255.255", Some("a carrier-grade NAT address")),
            ("100.128.0.0", None),
            ("126.255.255.255", None),
            ("127.0.0.0", Some("a loopback address")),
            ("127.255.255.255", Some("a loopback address")),
            ("128.0.0.0", None),
            ("168.63.129.15", None),
            ("168.63.129.16", Some("a cloud provider's own address")),
            ("168.63.129.17", None),
            ("169.253.255.255", None),
            ("169.254.0.0", Some("a link-local or metadata address")),
            ("169.254.169.254", Some("a link-local or metadata address")),
            ("169.254.170.2", Some("a link-local or metadata address")),
            ("169.255.0.0", None),
            ("172.15.255.255", None),
            ("172.16.0.0", Some("a private address")),
            ("172.31.255.255", Some("a private address")),
            ("172.32.0.0", None),
            ("192.0.0.192", Some("a reserved address")),
            ("192.0.1.0", None),
            ("192.0.2.1", Some("a documentation address")),
            ("192.0.3.0", None),
            ("192.88.99.1", Some("a 6to4 relay address")),
            ("192.168.0.0", Some("a private address")),
            ("192.168.255.255", Some("a private address")),
            ("192.169.0.0", None),
            ("198.17.255.255", None),
            ("198.18.0.0", Some("a benchmarking address")),
            ("198.19.255.255", Some("a benchmarking address")),
            ("198.20.0.0", None),
            ("198.51.100.7", Some("a documentation address")),
            ("203.0.113.7", Some("a documentation address")),
            ("223.255.255.255", None),
            ("224.0.0.1", Some("a multicast address")),
            ("239.255.255.255", Some("a multicast address")),
            ("240.0.0.0", Some("a reserved address")),
            ("255.255.255.255", Some("a reserved address")),
            ("8.8.8.8", None),
            ("::", Some("an unspecified address")),
            ("::1", Some("a loopback address")),
            ("::2", Some("not a public address")),
            ("::127.0.0.1", Some("not a public address")),
            ("::ffff:127.0.0.1", Some("an IPv4-mapped address")),
            ("::ffff:8.8.8.8", Some("an IPv4-mapped address")),
            ("::ffff:0:127.0.0.1", Some("not a public address")),
            ("64:ff9b::7f00:1", Some("a NAT64 address")),
            ("64:ff9b:1::a00:1", Some("a NAT64 address")),
            ("100::1", Some("not a public address")),
            ("1fff:ffff::1", Some("not a public address")),
            ("2000::1", None),
            ("2001::1", Some("a Teredo or special-purpose address")),
            ("2001:1ff::1", Some("a Teredo or special-purpose address")),
            ("2001:200::1", None),
            ("2001:db8::1", Some("a documentation address")),
            ("2001:db9::1", None),
            ("2002:7f00:1::1", Some("a 6to4 address")),
            ("2003::1", None),
            ("2606:4700::1111", None),
            ("2606:4700::5efe:7f00:1", Some("an ISATAP address")),
            ("2606:4700::200:5efe:7f00:1", Some("an ISATAP address")),
            ("3fff::1", Some("a documentation address")),
            ("3fff:fff::1", Some("a documentation address")),
            ("3fff:1000::1", None),
            ("4000::1", Some("not a public address")),
            ("5f00::1", Some("not a public address")),
            ("fc00::1", Some("a private address")),
            ("fd00:ec2::254", Some("a private address")),
            ("fe80::1", Some("a link-local address")),
            ("fec0::1", Some("not a public address")),
            ("ff02::1", Some("a multicast address")),
        ] {
            check(text, expected);
        }
    }

    #[test]
    fn an_opening_lifts_its_own_net_and_port_only() {
        let opening: Opening = "127.0.0.1/32:9000".parse().unwrap();
        let openings = [opening];
        let denied = |text: &str, port| denial(text.parse().unwrap(), port, &openings).is_some();
        assert!(!denied("127.0.0.1", 9000));
        assert!(denied("127.0.0.1", 9001));
        assert!(denied("127.0.0.2", 9000));
        assert!(denied("::ffff:127.0.0.1", 9000));
        assert!(denied("::1", 9000));
        assert!(!denied("8.8.8.8", 9000));
    }

    /// The same rules said with the standard library's words instead of a table.
    fn special_4(ip: Ipv4Addr) -> bool {
        let [a, b, c, _] = ip.octets();
        ip.is_private()
            || ip.is_loopback()
            || ip.is_link_local()
            || ip.is_multicast()
            || ip.is_broadcast()
            || ip.is_documentation()
            || ip.is_unspecified()
            || a == 0
            || a >= 224
            || (a == 100 && (64..128).contains(&b))
            || (a == 198 && (b == 18 || b == 19))
            || (a == 192 && b == 0 && c == 0)
            || (a == 192 && b == 88 && c == 99)
            || ip == Ipv4Addr::new(168, 63, 129, 16)
    }

    proptest! {
        #[test]
        fn ipv4_is_denied_exactly_when_it_is_special(bits: u32, block in 0..DENIED_4.len(), near in any::<bool>()) {
            let (net, prefix, _) = DENIED_4[block];
            let host = if prefix == 32 { bits & 3 } else { bits >> prefix };
            let ip = if near { Ipv4Addr::from_bits(net.to_bits() ^ host) } else { Ipv4Addr::from_bits(bits) };
            prop_assert_eq!(denial(ip.into(), 80, &[]).is_some(), special_4(ip), "{}", ip);
        }

        #[test]
        fn ipv6_that_is_special_or_carries_ipv4_is_denied(bits: u128, v4: u32) {
            let ip = Ipv6Addr::from_bits(bits);
            let special = ip.is_loopback() || ip.is_unspecified() || ip.is_multicast() || ip.is_unique_local()
                || ip.is_unicast_link_local() || ip.to_ipv4().is_some() || bits >> 125 != 1;
            prop_assert!(!special || denial(ip.into(), 80, &[]).is_some(), "{}", ip);
            let v4 = Ipv4Addr::from_bits(v4);
            let low = u128::from(v4.to_bits());
            for carrier in [
                v4.to_ipv6_mapped(),
                v4.to_ipv6_compatible(),
                Ipv6Addr::from_bits((0x0064_ff9b << 96) | low),
                Ipv6Addr::from_bits((0x2002 << 112) | (low << 80) | 1),
                Ipv6Addr::from_bits((0x2001_0000 << 96) | low),
                Ipv6Addr::from_bits((0x2606_4700 << 96) | (0x5efe << 32) | low),
            ] {
                prop_assert!(denial(carrier.into(), 80, &[]).is_some(), "{}", carrier);
            }
        }
    }
}
