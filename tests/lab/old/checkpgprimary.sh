#!/bin/bash
curl -s --max-time 1 http://127.0.0.1:8080/v1/primary | grep -q "\"$3\""
