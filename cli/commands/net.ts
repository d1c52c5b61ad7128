/** Help of `--net` for `bare` and `vm`. */
export const netHelp =
  'a network card, plugged into user[,hostfwd=tcp:[ADDR]:PORT-[GUEST]:PORT][,restrict=on] (the world outside, through sockets of this '
    + 'host), gateway[,tftp=FOLDER] (a built-in host 10.0.2.2: DHCP, ping, UDP echo, TFTP), loop (a card receives its own frames), hub '
    + '(one switch for all cards that name it), connect=HOST:PORT or listen=PORT (another program, such as QEMU with -netdev stream); '
    + 'with ,mac=ADDRESS and ,pcap=FILE (a capture for Wireshark) if you like; may be given several times';

/** Help of `--net` for `run`. */
export const netHelpOfRun = 'a network card, eth0 of the Unix server: user[,hostfwd=tcp:[ADDR]:PORT-[GUEST]:PORT][,restrict=on] (the world '
  + 'outside, through sockets of this host), gateway[,tftp=FOLDER], '
  + 'connect=HOST:PORT or listen=PORT; with ,mac=ADDRESS and ,pcap=FILE if you like';
