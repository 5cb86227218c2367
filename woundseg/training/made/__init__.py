"""Photographs that nobody took: ulcers painted out, ulcers pasted onto other skin, close-ups.

    skin          where skin is, and colours carried on from it
    painted_out   ulcers replaced by the skin around them
    pasted        ulcers cut out with a rim of skin and set into other skin
    close_up      a window over part of a photograph, enlarged
    maker         draws which of them a training photograph goes through

numpy and OpenCV; no torch. The networks that learn from them are judged on photographs.
"""
