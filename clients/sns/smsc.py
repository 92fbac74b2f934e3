"""A message center over SMPP 3.4 as a process of its own: the server of the package smpp34, told what to do line by line.

In: the port as an argument; on standard input JSON lines, `{"reject": [status, …]}` for the next messages, `{"answer": [from, to, text]}`
for what a phone answers, `{"hang": true}`. Out: JSON lines, one for each bind, message and end of a session.
"""

import asyncio
import json
import sys

import smpp34


def tell(**event):
    print(json.dumps(event), flush=True)


async def main(port):
    center = smpp34.Server(host="127.0.0.1", port=port, system_id="center")
    await center.start()
    tell(event="ready")
    sessions, rejections, state = {}, [], {"hang": False, "count": 0, "held": []}

    async def obey():
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            told = json.loads(line)
            rejections.extend(told.get("reject", []))
            state["hang"] = told.get("hang", state["hang"])
            if "answer" in told:
                source, destination, text = told["answer"]
                receiver = next(one for one in sessions.values() if one.can_receive)
                taken = await receiver.deliver_sm(
                    source_addr=source,
                    source_addr_ton=1,
                    source_addr_npi=1,
                    destination_addr=destination,
                    short_message=text.encode(),
                )
                tell(event="answered", ok=taken.is_success)

    obeying = asyncio.create_task(obey())
    while True:
        event = await center.next()
        if isinstance(event, smpp34.Esme):
            sessions[event.session_id] = event
            tell(event="bind", system_id=event.system_id, receives=event.can_receive)
        elif isinstance(event, smpp34.Unbound):
            sessions.pop(event.session_id, None)
            tell(event="unbound")
        elif state["hang"]:
            state["held"].append(event)
        else:
            status = rejections.pop(0) if rejections else 0
            state["count"] += 1
            tell(
                event="message",
                status=status,
                session=event.session_id,
                source=[event.source_addr_ton, event.source_addr_npi, event.source_addr],
                destination=[event.dest_addr_ton, event.dest_addr_npi, event.destination_addr],
                esm_class=event.esm_class,
                data_coding=event.data_coding,
                text=event.short_message.hex(),
            )
            event.reject(status) if status else event.accept(f"m{state['count']}")
        if obeying.done():
            return


asyncio.run(main(int(sys.argv[1])))
