import {BlockList, isIPv6} from 'node:net';
import {network} from '../../../config/validate.ts';

/** Whether an address is one of a list of addresses and networks (AuthTrustedProxies). A caller without one came by the socket file. */
export function trusting(list: readonly string[]): (address: string | undefined) => boolean {
  const trusted = new BlockList();
  for (const text of list) {
    const found = network(text);
    if (found !== null) trusted.addSubnet(found.address, found.bits, found.family);
  }
  return (address) => {
    if (address === undefined || address === '') return true;
    const plain = address.replace(/^::ffff:(?=\d+\.)/i, '');
    return trusted.check(plain, isIPv6(plain) ? 'ipv6' : 'ipv4');
  };
}
