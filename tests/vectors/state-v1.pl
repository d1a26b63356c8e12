#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# Prints a state file of format version 1, from its description in libsnowid/store/image.h alone:
#
#     perl state-v1.pl little >state-v1.little
#     perl state-v1.pl big >state-v1.big
#
# Numbers are in the byte order of the machine that made it; a machine of the other refuses the file.
# Its kind is the preset snowflake of 0.1, datacenter 3, worker 7. It was made at 2024-01-03T19:30:00Z
# and recorded 2040-01-03T20:00:00Z. Its inode is 2, born 1 ns after 1970, so that it is a copy everywhere.
use strict;
use warnings;
no warnings 'portable'; # numbers of 64 bits

sub crc {
	my ($bytes, $width, $polynomial) = @_;
	my $all = (1 << $width) - 1;
	my $crc = $all;
	for my $byte (unpack 'C*', $bytes) {
		$crc ^= $byte;
		$crc = $crc >> 1 ^ ($crc & 1 ? $polynomial : 0) for 1 .. 8;
	}
	return ~$crc & $all;
}

# FNV-1a, 64 bits, over the bytes of a number, lowest first.
sub fnv {
	my $hash = 0xcbf29ce484222325;
	for my $number (@_) {
		for my $byte (unpack 'C8', pack 'Q<', $number) {
			$hash ^= $byte;
			# times 2^40 + 0x1b3, without a number above 2^64
			my ($high, $low) = ($hash >> 32, $hash & 0xffffffff);
			my $middle = $high * 0x1b3 + ($low << 8);
			my $rest = $low * 0x1b3;
			$hash = ((($middle + ($rest >> 32)) & 0xffffffff) << 32) | ($rest & 0xffffffff);
		}
	}
	return $hash;
}

my $epoch = 1609459200;
my $created_ms = 1704310200000;
my $limit_ms = 2209233600000;
my @fields = (0, 3, 7, 0);
my $fingerprint = fnv($epoch, 0, 1000000, 3, 41, 5, 5, 12);
my $spec = 'time:41,datacenter:5,worker:5,sequence:12;epoch=2021-01-01T00:00:00.000Z;unit=1ms';

die "usage: state-v1.pl little|big\n" unless @ARGV && $ARGV[0] =~ /^(little|big)$/;
my $order = $1 eq 'big' ? '>' : '<';

my $header = pack "a8 (L L Q Q Q Q Q Q q L L Q L L Q64)$order a2304 x1180",
	"\x89SNOWID\n", 0x01020304, 1, 0, 0, $fingerprint, 1, 2, $created_ms, $epoch, 0, 1000000,
	(1 << 41) - 1, 12, scalar @fields, @fields, (0) x 60, $spec;
my $reserved = pack "Q$order x4088",
	$limit_ms << 16 | crc(substr(pack('Q<', $limit_ms), 0, 6), 16, 0x8408);

binmode STDOUT;
print $header, pack("L$order", crc($header, 32, 0xedb88320)), "\0" x 4096, $reserved, $reserved;
