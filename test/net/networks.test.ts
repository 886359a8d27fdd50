import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Networks } from "../../src/net/networks.ts";

describe("networks", () => {
  it("hold the addresses under their prefixes, in their own family only", () => {
    const networks = new Networks([
      { address: "192.0.2.0", length: 24 },
      { address: "2001:db8::", length: 32 },
      { address: "198.51.100.7", length: 32 },
    ]);
    for (const address of ["192.0.2.0", "192.0.2.255", "2001:db8:ffff::1", "198.51.100.7"]) {
      assert.ok(networks.includes(address), address);
    }
    for (const address of ["192.0.3.0", "2001:db9::", "198.51.100.6", "::1", "fe80::1%eth0"]) {
      assert.ok(!networks.includes(address), address);
    }
  });

  it("hold no address if there are none", () => {
    assert.ok(!new Networks([]).includes("127.0.0.1"));
  });
});
