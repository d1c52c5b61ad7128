/** What `--net` of `bare` and `vm` takes, in the option's help. */
export const netHelp =
  'a network card, plugged into gateway[,tftp=FOLDER] (a built-in host 10.0.2.2: DHCP, ping, UDP echo, TFTP), loop (everything comes back) or hub ' +
  '(all cards that say so); with ,mac=ADDRESS and ,pcap=FILE (a capture for Wireshark) if you like; may be given several times';
