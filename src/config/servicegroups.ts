/**
 * Service types by the names administrators use for them: data, and nothing else. A type may be in several
 * groups, or in none. The registry is IANA's "Service Name and Transport Protocol Port Number Registry"; many
 * types in use are not in it.
 */

export const serviceGroups = {
  printers: [
    "_ipp._tcp",
    "_ipps._tcp",
    "_ipp-tls._tcp",
    "_printer._tcp",
    "_pdl-datastream._tcp",
    "_riousbprint._tcp",
    "_fax-ipp._tcp",
    "_3d-printer._tcp",
    "_octoprint._tcp",
  ],
  scanners: ["_scanner._tcp", "_uscan._tcp", "_uscans._tcp", "_escl._tcp", "_ica-networking._tcp"],
  "file-sharing": [
    "_smb._tcp",
    "_afpovertcp._tcp",
    "_nfs._tcp",
    "_ftp._tcp",
    "_sftp-ssh._tcp",
    "_webdav._tcp",
    "_webdavs._tcp",
    "_adisk._tcp",
    "_odisk._tcp",
    "_rsync._tcp",
  ],
  chat: ["_presence._tcp", "_xmpp-client._tcp", "_xmpp-server._tcp", "_sip._udp", "_sip._tcp"],
  "remote-access": [
    "_ssh._tcp",
    "_sftp-ssh._tcp",
    "_rfb._tcp",
    "_vnc._tcp",
    "_rdp._tcp",
    "_ms-wbt-server._tcp",
    "_telnet._tcp",
    "_eppc._tcp",
    "_net-assistant._udp",
    "_servermgr._tcp",
    "_nvstream._tcp",
    "_nx._tcp",
  ],
  web: ["_http._tcp", "_https._tcp", "_http-alt._tcp", "_webdav._tcp", "_webdavs._tcp"],
  airplay: ["_airplay._tcp", "_raop._tcp", "_airport._tcp", "_appletv-v2._tcp"],
  cast: ["_googlecast._tcp", "_googlezone._tcp", "_androidtvremote._tcp", "_androidtvremote2._tcp"],
  media: [
    "_daap._tcp",
    "_dpap._tcp",
    "_spotify-connect._tcp",
    "_sonos._tcp",
    "_roap._tcp",
    "_rtsp._tcp",
    "_mpd._tcp",
    "_plexmediasvr._tcp",
    "_ndi._tcp",
    "_nvstream._tcp",
  ],
  "smart-home": [
    "_hap._tcp",
    "_hap._udp",
    "_homekit._tcp",
    "_home-assistant._tcp",
    "_hue._tcp",
    "_matter._tcp",
    "_matterc._udp",
    "_matterd._udp",
    "_meshcop._udp",
    "_meshcop-e._udp",
    "_trel._udp",
    "_esphomelib._tcp",
    "_mqtt._tcp",
    "_coap._udp",
    "_shelly._tcp",
    "_wled._tcp",
    "_miio._udp",
    "_elg._tcp",
  ],
  cameras: ["_rtsp._tcp", "_axis-video._tcp", "_onvif._tcp", "_psia._tcp"],
  computers: ["_workstation._tcp", "_device-info._tcp", "_smb._tcp", "_udisks-ssh._tcp"],
  development: [
    "_git._tcp",
    "_svn._tcp",
    "_adb._tcp",
    "_jenkins._tcp",
    "_distcc._tcp",
    "_ntp._udp",
  ],
  /** Off unless allowed: they reveal who is there, what belongs to whom, or how to take it over. */
  personal: [
    "_companion-link._tcp", // every Apple device of a person, with its owner's name
    "_rdlink._tcp",
    "_apple-mobdev._tcp", // telephones, with the address of their Wi-Fi
    "_apple-mobdev2._tcp",
    "_apple-pairable._tcp",
    "_remotepairing._tcp",
    "_airdrop._tcp", // who is near and takes files
    "_fmd._tcp",
    "_touch-able._tcp", // remote controls, and the library of who has them
    "_touch-remote._tcp",
    "_dacp._tcp",
    "_home-sharing._tcp",
    "_mediaremotetv._tcp",
    "_homekit._tcp", // is somebody at home, and which locks and cameras are waiting to be paired
    "_hap._tcp",
    "_hap._udp",
    "_matterc._udp",
    "_matterd._udp",
    "_adb._tcp", // telephones that let themselves be debugged
    "_adb-tls-connect._tcp",
    "_adb-tls-pairing._tcp",
    "_workstation._tcp", // every computer that is on, with its hardware address
  ],
  /** Off unless allowed: clients trust them because they are in their own domain. */
  steering: [
    "_kerberos._tcp",
    "_kerberos._udp",
    "_kerberos-adm._tcp",
    "_kerberos-master._tcp",
    "_kerberos-master._udp",
    "_kerberos-tls._tcp",
    "_kpasswd._tcp",
    "_kpasswd._udp",
    "_ldap._tcp",
    "_gc._tcp",
    "_wpad._tcp",
    "_autodiscover._tcp",
    "_sleep-proxy._udp", // its link alone may hand it a service to keep
  ],
} as const satisfies Readonly<Record<string, readonly string[]>>;
