#!/usr/bin/perl
# A device that registers itself (RFC 9665), not of our make: Net::DNS signs it. One update:
#
#   requester.pl PORT KEYFILE ZONE LEASE KEY-LEASE HOST ADDRESS [INSTANCE TYPE PORT TXT]...
#
# KEYFILE is a key's name as printed by dnssec-keygen -T KEY. Without ADDRESS ("-") the host is removed.
# Prints the response code, and the leases if any are granted.
use strict;
use warnings;
use Net::DNS;
use Net::DNS::SEC;

my ( $port, $file, $zone, $lease, $key_lease, $host, $address, @services ) = @ARGV;
open my $text, '<', "$file.key" or die "$file.key: $!";
my ($key) = map { /\sKEY\s+(.*)/ } <$text>;
my $update = Net::DNS::Update->new($zone);
my $add = sub { $update->push( update => rr_add( join ' ', @_ ) ) };
$update->push( update => rr_del($host) );
if ( $address ne '-' ) {
    $add->( $host, 10, 'KEY', $key );
    $add->( $host, 10, $address =~ /:/ ? 'AAAA' : 'A', $address );
}
while ( my ( $instance, $type, $at, $txt ) = splice @services, 0, 4 ) {
    my $name = "$instance.$type";
    $add->( $type, 10, 'PTR', $name );
    $update->push( update => rr_del($name) );
    $add->( $name, 10, 'SRV', 0, 0, $at, $host );
    $add->( $name, 10, 'TXT', qq("$txt") );
}
$update->edns->option( 2 => pack 'N2', $lease, $key_lease );
$update->sign_sig0("$file.private");
my $resolver = Net::DNS::Resolver->new( nameservers => ['127.0.0.1'], port => $port, usevc => 1 );
my $reply = $resolver->send($update) or die $resolver->errorstring, "\n";
my $granted = $reply->edns->option(2);
print join( ' ', $reply->header->rcode, $granted ? unpack 'N*', $granted : () ), "\n";
