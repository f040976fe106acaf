ok = OK
