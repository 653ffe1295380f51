//! Names to addresses: resolves once, lets only admitted addresses through. The only place of the host that asks the system for an address.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;

use bailiwick_core::ports::BoxFuture;
use bailiwick_policy::Network;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// The most addresses of one name that are looked at: large services publish up to 16.
const ADDRESSES_MAX: usize = 64;

/// Who knows the addresses of names. Whatever it says is judged before it is dialled.
pub trait Names: Send + Sync {
    /// The addresses of a host; an error where there are none.
    fn addresses<'a>(&'a self, host: &'a str) -> BoxFuture<'a, std::io::Result<Vec<IpAddr>>>;
}

/// The system's resolver.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemNames;

impl Names for SystemNames {
    fn addresses<'a>(&'a self, host: &'a str) -> BoxFuture<'a, std::io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((host, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// Resolves for connections of one network class.
#[derive(Clone)]
pub(crate) struct Resolver {
    pub(crate) network: Network,
    pub(crate) names: Arc<dyn Names>,
}

/// A name or address that a connection may not end at. Names no address: what the
/// operator's resolver says about inner networks is nobody's business.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{host} is at no address that may be reached ({})", match network {
    Network::Public => "only globally routable ones that are not this machine's own".to_owned(),
    Network::Loopback => "only this machine's loopback".to_owned(),
    Network::Private => "only private ones that are not this machine's own".to_owned(),
    Network::Blocks(_) => format!("only {network}, and not this machine's own"),
})]
pub struct NotAdmitted {
    /// The host as the URL has it.
    pub host: String,
    /// The class that the connection has.
    pub network: Network,
}

impl Resolver {
    /// Judges a literal address, which never reaches [`Resolve`].
    pub(crate) fn literal(&self, host: &str, address: IpAddr) -> Result<(), NotAdmitted> {
        if self.admits(address) { Ok(()) } else { Err(self.refusal(host)) }
    }

    fn admits(&self, address: IpAddr) -> bool {
        self.network.admits(address) && (self.network == Network::Loopback || !is_own(address))
    }

    fn refusal(&self, host: &str) -> NotAdmitted {
        NotAdmitted { host: host.to_owned(), network: self.network.clone() }
    }

    /// Of a name's addresses those that are admitted.
    fn sift(
        &self,
        host: &str,
        found: impl IntoIterator<Item = IpAddr>,
    ) -> Result<Vec<SocketAddr>, NotAdmitted> {
        let found = found.into_iter().take(ADDRESSES_MAX);
        let admitted = found.filter(|address| self.admits(*address));
        let admitted: Vec<_> = admitted.map(|address| SocketAddr::new(address, 0)).collect();
        if admitted.is_empty() { Err(self.refusal(host)) } else { Ok(admitted) }
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Resolver").field(&self.network).finish()
    }
}

impl Resolve for Resolver {
    /// Asked once for each connection; what is connected to is what was judged.
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.clone();
        Box::pin(async move {
            let found = resolver.names.addresses(name.as_str()).await?;
            let admitted = resolver.sift(name.as_str(), found)?;
            let addresses: Addrs = Box::new(admitted.into_iter());
            Ok(addresses)
        })
    }
}

/// Whether an address is one of this machine's: only those can be bound. Where the
/// system lets anything be bound (as failover setups do), the route to it tells:
/// it is its own source. What cannot be found out, because no socket can be had, is taken
/// for one. An IPv4 address inside an IPv6 one is looked at as what it is.
fn is_own(address: IpAddr) -> bool {
    let address = bailiwick_policy::network::inner(address);
    let nobodys: IpAddr = match address {
        IpAddr::V4(_) => Ipv4Addr::new(192, 0, 2, 1).into(),
        IpAddr::V6(_) => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into(),
    };
    let bind = |address: IpAddr| UdpSocket::bind(SocketAddr::new(address, 0)).map(|_| ());
    match bind(nobodys) {
        Ok(()) => source_of(address).is_none_or(|source| source == address),
        Err(_) => may_be_bound(&bind(address)),
    }
}

/// Whether an address may be this machine's, as an attempt to bind it ended: the system says
/// in one way alone that it is not.
fn may_be_bound(bound: &std::io::Result<()>) -> bool {
    !matches!(bound, Err(error) if error.kind() == std::io::ErrorKind::AddrNotAvailable)
}

/// The address that packets to another would come from. Sends none.
fn source_of(address: IpAddr) -> Option<IpAddr> {
    let any: IpAddr = match address {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0)).ok()?;
    socket.connect(SocketAddr::new(address, 9)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolver(network: Network) -> Resolver {
        Resolver { network, names: Arc::new(SystemNames) }
    }

    fn sifted(network: Network, addresses: &[&str]) -> Result<Vec<String>, NotAdmitted> {
        let found = addresses.iter().map(|text| text.parse().unwrap());
        let kept = resolver(network).sift("name.example", found)?;
        Ok(kept.into_iter().map(|address| address.ip().to_string()).collect())
    }

    #[test]
    fn a_name_loses_its_inner_addresses_and_is_refused_when_none_are_left() {
        assert_eq!(
            sifted(Network::Public, &["10.0.0.1", "1.1.1.1", "127.0.0.1"]).unwrap(),
            ["1.1.1.1"]
        );
        for inner in ["10.0.0.1", "127.0.0.1", "169.254.169.254", "::1", "fd00:ec2::254"] {
            let refused = sifted(Network::Public, &[inner]).unwrap_err().to_string();
            assert!(refused.contains("name.example") && !refused.contains(inner), "{refused}");
        }
        assert!(sifted(Network::Loopback, &["1.1.1.1"]).is_err());
    }

    #[test]
    fn own_addresses_are_known() {
        assert!(is_own("127.0.0.1".parse().unwrap()));
        assert!(!is_own("1.1.1.1".parse().unwrap()));
        let loopback: IpAddr = "127.0.0.1".parse().unwrap();
        assert_eq!(source_of(loopback), Some(loopback));
        assert_ne!(source_of("1.1.1.1".parse().unwrap()), Some("1.1.1.1".parse().unwrap()));
    }

    #[test]
    fn what_cannot_be_found_out_is_taken_for_an_own_address() {
        let ended = |code| Err(std::io::Error::from_raw_os_error(code));
        // EMFILE, ENFILE, ENOBUFS, EACCES; and EADDRNOTAVAIL.
        for code in [24, 23, 105, 13] {
            assert!(may_be_bound(&ended(code)), "{code}");
        }
        assert!(may_be_bound(&Ok(())) && !may_be_bound(&ended(99)));
    }

    #[test]
    fn an_own_address_in_disguise_is_known() {
        for own in ["::ffff:127.0.0.1", "64:ff9b::7f00:1"] {
            assert!(is_own(own.parse().unwrap()), "{own}");
        }
    }

    #[test]
    fn an_own_address_is_reached_by_no_class_but_loopback() {
        // Whichever it has: the address that packets to the world come from.
        let Some(own) = source_of("1.1.1.1".parse().unwrap()) else { return };
        for network in [Network::Public, Network::Private] {
            assert!(!resolver(network.clone()).admits(own), "{network} {own}");
        }
    }

    #[tokio::test]
    async fn localhost_is_loopback_and_no_public_name() {
        let name = || "localhost".parse::<Name>().unwrap();
        let loopback = resolver(Network::Loopback).resolve(name()).await;
        assert!(loopback.unwrap().all(|address| address.ip().is_loopback()));
        assert!(resolver(Network::Public).resolve(name()).await.is_err());
    }
}
